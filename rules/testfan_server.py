"""Keeps one started pytest ready and forks it for each test file: what `testfan exec` asks in place of starting Python.

    python testfan_server.py SOCKET NAME IDLE -- PYTEST_ARGS
    python testfan_server.py SOCKET NAME IDLE LINE

SOCKET is the descriptor of a listening socket whose path is NAME. Where neither the arguments are known yet nor the last name of
the socket, they are told at LINE, the descriptor of a socket. pytest is started as the worker starts it and comes as far
as is the same for every file; there it serves. A request is a length and JSON, with the descriptor that is to be the child's
output. The answers are pairs of integers: CHILD and its pid, END and how it ended as waitpid tells it, when nothing is left of
what it started; or STALE, when a file that was read before forking has changed, or COLD, when a fork could differ from a process
of its own: NAME.cold says why; or DONE and a status, from a child that goes on (testfan_session.py). The child is ended, and all
that it started, when the client hangs up, and only then reaped.

A request with `gather`, the pid of a run, has a child collect the whole suite and serve at NAME.company until that run ends
(testfan_company.py), `gather` is 0, or the run has asked more often than `most`; the answer is END.

PYTEST_DONT_REWRITE
"""
import os
import sys
import time

STARTED = time.time_ns()

# As `python -m pytest` has it, and before anything of the tree could be hidden by what is imported here.
if __name__ == "__main__" and not getattr(sys.flags, "safe_path", False):
    sys.path[0] = os.getcwd()

import _socket
import gc
import select
import struct

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import testfan_doubts
import testfan_files
import testfan_memory
import testfan_orphans
import testfan_preload
import testfan_served
import testfan_session
import testfan_worker
import testfan_workers

del sys.path[0]
for module in (
    testfan_doubts, testfan_files, testfan_memory, testfan_orphans, testfan_preload, testfan_served, testfan_session, testfan_worker,
    testfan_workers,
):  # fmt: skip
    del sys.modules[module.__name__]
del module

this = sys.modules[__name__]
CHILD, END, STALE, COLD, DONE = range(1, 6)
COMPANY = ".company"  # what the socket is named of one that has collected all, after that of its server
SEND_SECONDS = 5  # how long a client may take to say what it wants
LOOK_SECONDS = 5  # how often to see whether the socket is still there
READ_COMPANY = {"umask": int}
READ_HERE = {"file": str, "preload": list, "branch": str, "umask": int, "share": str, "group": str, "result": str}  # what the server itself wants


class Client:
    def __init__(self, connection):
        self.connection = connection
        self.pid = self.pidfd = None
        self.asked = False
        self.worker = None  # a child that runs a file for it, and may go on

    def is_done(self):
        return self.pid is None and self.worker is None

    def answer(self, kind, value=0):
        try:
            self.connection.send(struct.pack("ii", kind, value))
        except OSError:
            pass

    def ended(self):
        """How, as waitpid tells it; until it is reaped nobody else gets its number."""
        os.close(self.pidfd)
        self.pidfd = None
        testfan_files.kill_group(self.pid)
        end = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        return end.si_status << 8 if end.si_code == os.CLD_EXITED else end.si_status

    def close(self):
        self.connection.close()
        if self.pidfd is not None:
            os.close(self.pidfd)

    def hang_up(self):
        self.close()
        if self.pid is not None:
            testfan_files.kill_group(self.pid)
            os.waitpid(self.pid, 0)


class Server:
    def __init__(self, listener, name, idle, tracer):
        self.idle, self.tracer = idle, tracer
        self.doubts, self.memory = testfan_doubts.Doubts(), testfan_memory.Memory(STARTED)
        self.output = os.fstat(1)
        self.config = self.preload = None
        self.settle(listener, name)

    def settle(self, listener, name):
        self.listener, self.name = listener, name
        self.inode = testfan_memory.look(name).st_ino
        self.clients = {}  # descriptor -> the client whose connection or child it is
        self.above = name, self.inode  # whose branch this is, or itself
        self.company = None  # the client for whom the suite is collected
        self.asked = 0, 0  # the run that asked for it last, and how often
        self.pid, self.keeper = os.getpid(), os.getppid()
        self.orphans = testfan_orphans.Orphans()
        self.stale = False
        self.branches = testfan_preload.Branches(name)
        self.workers = testfan_workers.Workers(name, self.idle)

    def refuse(self, reason):
        """Tells everybody, now and for some time, that this suite is to be run cold."""
        with open(testfan_files.own_file(".tmp"), "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(reason)
        os.rename(testfan_files.own_file(".tmp"), self.name + ".cold")
        self.leave()
        self.serve_rest(COLD)

    def leave(self):
        if testfan_files.is_at(self.name, self.inode):
            testfan_files.remove(self.name)

    def serve_rest(self, kind):
        self.listener.setblocking(False)
        while True:
            try:
                Client(self.accept()).answer(kind)
            except OSError:
                return

    def accept(self):
        fd, _ = self.listener._accept()
        return _socket.socket(fileno=fd)

    def serve(self, config):
        """Returns in each child, with its request; in the server itself never."""
        self.config = config
        self.tracer.flush()
        sys.stdout.flush()
        sys.stderr.flush()
        self.printed = testfan_files.read_pipe(1)
        self.hooked = testfan_doubts.has_session_hooks(config)
        reason = self.doubts.find(config, [self.listener.fileno()], self.output) or testfan_files.lacks_pidfd()
        self.doubts.end()
        # From here on what is looked at is the server's own business, and no child may take it as noted.
        self.handlers, self.tracer.handlers = self.tracer.handlers, {}
        testfan_files.remove(self.name + COMPANY)  # of a server that was killed
        reason = reason or self.memory.take(config, self.tracer)
        if reason:
            self.refuse(reason)
            os._exit(0)
        warm(config)
        gc.freeze()
        try:
            return self.loop()
        except Exception:
            if os.getpid() == self.pid:
                self.leave()
            raise

    def loop(self):
        poll = select.poll()
        poll.register(self.listener, select.POLLIN)
        last = time.monotonic()
        while not (self.stale and not self.clients and not self.workers):
            events = poll.poll(LOOK_SECONDS * 1000)
            if not self.stale and (os.getppid() != self.keeper or not testfan_files.is_at(*self.above)):
                self.become_stale(poll)
            branches = self.branches.count()
            if events or self.clients or self.workers:
                last = time.monotonic()
            elif not testfan_files.is_at(self.name, self.inode) or (time.monotonic() - last >= self.idle and not branches):
                break
            for fd, event in events:
                if fd == self.listener.fileno():
                    if self.stale:
                        continue
                    connection = self.accept()
                    connection.settimeout(SEND_SECONDS)
                    self.clients[connection.fileno()] = Client(connection)
                    poll.register(connection, select.POLLIN)
                    continue
                if fd in self.workers.known:
                    request = self.hear(fd, poll)
                    if request is not None:
                        return request
                    continue
                client = self.clients.get(fd)
                if client is None:
                    continue
                if fd == client.pidfd:
                    poll.unregister(fd)
                    del self.clients[fd]
                    status = client.ended()
                    self.sweep(client.pid)
                    client.answer(END, status)
                    continue
                request = self.read(client)
                if request is not None:
                    begun = self.start(client, request, poll)
                    if begun:
                        return begun
                if request is None or client.is_done() and fd in self.clients and client not in self.workers.waiting:
                    self.forget(client, poll)
            self.workers.end_idle(self.stale, testfan_files.kill_group)
        self.leave()
        self.listener.setblocking(False)
        self.serve_rest(STALE)
        self.branches.wait()
        os._exit(0)

    def forget(self, client, poll):
        for fd in client.connection.fileno(), client.pidfd:
            if fd is not None:
                poll.unregister(fd)
                del self.clients[fd]
        self.workers.give_up(client, testfan_files.kill_group)
        client.hang_up()
        if client is self.company:
            testfan_files.remove(self.name + COMPANY)
        if client.pid is not None:
            self.sweep(client.pid)

    def children(self):
        """Those that are not reaped, and of these those that are at work."""
        clients = [client for client in self.clients.values() if client.pid is not None]
        running = {client.pid for client in clients if client.pidfd is not None} | {worker.pid for worker in self.workers.all()}
        ours = running | {client.pid for client in clients}
        if self.company in clients:  # adopts what it leaves itself
            running.discard(self.company.pid)
        return ours | self.branches.pids(), running

    def sweep(self, pid):
        self.orphans.sweep(pid, *self.children())

    def hear(self, fd, poll):
        """What a child that may go on says, or that it has ended; in a child that is forked in its place its request."""
        said, worker = self.workers.on_event(fd, poll, self.stale)
        client = worker.client
        if said == 0:
            status = self.bury(worker, poll)
            if client is not None and worker.taken:
                client.answer(DONE, status)
        if client is None or said is None:
            return None
        if said == CHILD:
            client.answer(CHILD, worker.pid)
        elif said == DONE:
            client.answer(DONE, worker.status)
        elif not worker.taken:  # it ends without having begun
            worker.taken, request = True, worker.request
            client.worker = worker.client = None
            return self.start(client, request, poll)
        if said in (0, DONE):
            client.worker = worker.client = None
        return None

    def bury(self, worker, poll):
        end = os.waitid(os.P_PID, worker.pid, os.WEXITED | os.WNOWAIT)
        status = end.si_status << 8 if end.si_code == os.CLD_EXITED else end.si_status
        if worker.since is not None or worker.ending:
            worker.tell_end(status)
        for client in self.workers.forget(worker, poll):
            client.answer(END)
        testfan_files.kill_group(worker.pid)
        os.waitpid(worker.pid, 0)
        self.sweep(worker.pid)
        return status

    # A client sends once, and then only hangs up.
    def read(self, client):
        if client.asked:
            return None
        client.asked = True
        credentials = client.connection.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12)
        if struct.unpack("3i", credentials)[1] != os.geteuid():
            return None
        request = testfan_workers.receive(client.connection)
        if request is None or "finish" in request or "join" in request:
            return request
        wanted = READ_COMPANY if "gather" in request or "guests" in request else READ_HERE
        if all(isinstance(request.get(key), kind) for key, kind in wanted.items()):
            return request
        os.close(request["output"])
        return None

    def start(self, client, request, poll):
        """Forks, or hands it to a child that goes on; returns something only in new children, the request that is theirs."""
        if "join" in request:
            os.close(request["output"])
            if self.workers.join(request["join"], client.connection):
                del self.clients[client.connection.fileno()]
            return None
        if request.get("finish"):
            os.close(request["output"])
            if not self.workers.finish(client):
                client.answer(END)
            return None
        if not self.stale and self.memory.has_changed(request.get("run")):
            self.become_stale(poll)
        if self.stale:
            client.answer(STALE)
            os.close(request["output"])
            return None
        worker = self.workers.find(request) if request.get("share") else None
        if worker is not None:
            self.workers.hand(worker, client, request)
            return None
        if len(os.listdir("/proc/self/task")) > 1 or (self.preload and self.preload.may_be_hidden(request["file"])):
            client.answer(COLD)
            os.close(request["output"])
            return None
        if "gather" in request:
            return self.gather(client, request, poll)
        branch = request.get("branch") if not self.preload else ""
        if branch and (self.branches.lacks(branch) or self.branches.stands(branch)):
            os.close(request["output"])
            return self.grow(client, branch, request["preload"])
        return self.fork(client, request, poll)

    def gather(self, client, request, poll):
        """Forks, unless there is such a child or hooks of the session forbid it."""
        os.close(request["output"])
        listener, stands = None, self.company in self.clients.values()
        wanted = request["gather"] and not self.is_beyond(request)
        try:
            if stands and not wanted:
                self.forget(self.company, poll)
            elif not stands and wanted and not self.hooked:
                self.company = Client(testfan_files.Run(request["gather"]))
                self.company.asked = True
                self.clients[self.company.connection.fileno()] = self.company
                poll.register(self.company.connection, select.POLLIN)
                request["output"] = os.memfd_create("output")
                listener = request["listener"] = testfan_files.listen_at(self.name + COMPANY)
        except OSError:
            pass
        client.answer(END)
        if listener is None:
            return None
        begun = self.fork(self.company, request, poll)
        if not begun:
            listener.close()
        return begun

    def is_beyond(self, request):
        run, count = self.asked
        self.asked = request["gather"], count + 1 if run == request["gather"] else 1
        return self.asked[1] > request.get("most", self.asked[1])

    def fork(self, client, request, poll):
        self.orphans.look(*self.children())
        pid = os.fork()
        if pid == 0:
            self.become(client, request)
            return request
        os.close(request["output"])
        if request.get("share"):
            client.worker = testfan_workers.Worker(pid, client, request)
            self.workers.add(client.worker, poll)
            client.answer(CHILD, pid)
            return None
        client.pid, client.pidfd = pid, os.pidfd_open(pid)
        client.answer(CHILD, pid)
        self.clients[client.pidfd] = client
        poll.register(client.pidfd, select.POLLIN)
        return None

    def become_stale(self, poll):
        """Takes nobody more, and waits for those that are at work."""
        self.stale = True
        self.leave()
        poll.unregister(self.listener)
        self.serve_rest(STALE)
        if self.company in self.clients.values():
            self.forget(self.company, poll)

    def grow(self, client, branch, modules):
        """Forks a branch, unless it stands, and has the client ask there; returns something only in children of the branch."""
        try:
            listener = None if self.branches.stands(branch) else testfan_files.listen_at(self.name + branch)
        except OSError:
            listener = self.branches.futile.add(branch)
        if listener and not self.branches.fork(branch):
            return self.become_branch(branch, modules, listener)
        if listener:
            listener.close()
        client.answer(STALE)
        return None

    def become_branch(self, branch, modules, listener):
        """A server beside this one, at a socket of its own, that has imported them; returns in its children."""
        for client in set(self.clients.values()):
            client.close()
        self.listener.close()
        self.workers.close()
        self.name, self.listener = self.name + branch, listener
        self.workers, self.branches = testfan_workers.Workers(self.name, self.idle), testfan_preload.Branches(self.name)
        self.clients, self.keeper, self.pid = {}, self.pid, os.getpid()
        os.setsid()
        self.orphans = testfan_orphans.Orphans()
        testfan_orphans.adopt()
        testfan_files.own_files(testfan_files.own_pipe(), self.output)  # what is printed meanwhile is its own
        self.output = os.fstat(1)
        self.preload = testfan_preload.Preload(modules)
        self.memory.started = time.time_ns()
        self.doubts = testfan_doubts.Doubts()
        self.tracer.log = testfan_files.own_file(".trace")
        self.tracer.handlers, self.tracer.buffered = self.preload.watch(self.handlers), True
        reason = self.preload.find_reason(self.tracer.root)
        self.tracer.flush()
        self.tracer.handlers = {}
        reason = reason or self.has_printed() or self.doubts.find(self.config, [listener.fileno()], self.output)
        self.doubts.end()
        if reason or self.memory.take(self.config, self.tracer):
            testfan_files.remove(self.tracer.log)
            os._exit(1)
        self.inode = testfan_memory.look(self.name).st_ino
        gc.freeze()
        return self.loop()

    def gather_all(self, request, config):
        """In a child: collects the whole suite and serves those who ask for a second opinion."""
        sys.modules["testfan_server"] = this
        testfan_worker.import_rule("testfan_company").Gathered(self, request).take_over(config)

    def has_printed(self):
        sys.stdout.flush()
        sys.stderr.flush()
        capture = self.config.pluginmanager.get_plugin("capturemanager")
        return any(capture.read_global_capture()) or bool(testfan_files.read_pipe(1))

    def become(self, client, request):
        testfan_orphans.die_with_parent()
        if os.getppid() != self.pid:
            os._exit(127)
        os.setsid()
        os.umask(request["umask"])
        self.listener.close()
        for other in {client, *self.clients.values()}:
            other.close()
        self.workers.close()
        testfan_files.own_files(request["output"], self.output)
        testfan_files.write_all(1, self.printed)


def warm(config):
    """Has the patterns compiled that every pytest compiles for its first test, one of them for ten milliseconds."""
    from _pytest import junitxml, pathlib

    junitxml.bin_xml_escape(junitxml.mangle_test_address("a.py::b")[0])
    for pattern in config.getini("norecursedirs") + config.getini("python_files"):
        pathlib.fnmatch_ex(pattern, pathlib.Path("x"))


def hear_rest(line, early_name):
    """The name and the arguments, which are found out while we come as far as we can without them."""
    try:
        __import__("pytest")
    except ImportError:  # said later
        pass
    told = testfan_workers.receive(_socket.socket(fileno=line))
    testfan_files.remove(early_name)
    if told is None:
        os._exit(0)
    os.close(told["output"])
    return told["name"], told["args"]


def main():
    fd, name, idle, line, *args = sys.argv[1:]
    listener, early = _socket.socket(fileno=int(fd)), line != "--"
    testfan_orphans.adopt()
    tracer = testfan_worker.start_trace(testfan_files.own_file(".trace"), None if early else testfan_worker.read_sites())
    if early:
        name, args = hear_rest(int(line), name)
        tracer.narrow(testfan_worker.read_sites())
    server = Server(listener, name, float(idle), tracer)
    plugin = testfan_served.ServedTarget(server, args)
    status = testfan_served.run(plugin, plugin.words + ["--junitxml=" + testfan_files.own_file(".xml")])
    if not plugin.served:
        sys.stdout.flush()
        server.refuse("pytest ended with status %d before it collected\n%s" % (status, testfan_files.read_pipe(1).decode("utf-8", "replace")))
    testfan_served.finish(status)


if __name__ == "__main__":
    main()
