"""Session isolation: a child of the fork server that goes on from file to file, so that fixtures of the session are set up once.

A request that may share says so: `share` is "session", or "auto" for a child that goes on only when what its file set up for
the session was dear. Such a child runs its file as any other does, but leaves the fixtures of the session, and of packages, as they
are, says DONE and waits for the next request of its `group`, which the server hands on with the descriptor of the output. It takes
it (CHILD) unless something has changed that it has read (STALE), and ends as pytest ends when there is none. What fails then, or
when it leaves a package, is told in RESULT.torn of the file that ran last, as JSON, and RESULT.ok goes.

All that it has read so far counts as read by each file that it runs. It never runs a file twice.

PYTEST_DONT_REWRITE
"""
import _socket
import fcntl
import os
import struct
import sys
import time

from testfan_files import redirect
from testfan_memory import CLOCK_STEP, Folder, is_kept_out, read_records, search_places, state
from testfan_worker import HIGH_FD
from testfan_workers import CHILD, DONE, STALE, receive, send, tear, trace_of

DEAR_SECONDS, DEAR_PART = 0.1, 0.1  # what is set up is dear when it takes so long, and so much of the file's time


def move_up(fd):
    """The same at a high number: what tests open has the numbers that it would have without us."""
    high = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, HIGH_FD)
    os.close(fd)
    return high


def connect(folder, name):
    """To a socket in a folder, wherever we are and however long its path is."""
    place = os.open(folder, os.O_PATH)
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        connection.connect("/proc/self/fd/%d/%s" % (place, name))
    finally:
        os.close(place)
    return _socket.socket(fileno=move_up(connection.detach()))


class Readings:
    """What a worker has read, looked for and not found since it began, and whether all that is still so."""

    def __init__(self, memory, tracer, since):
        self.memory, self.tracer, self.began, self.since = memory, tracer, since, since
        self.files, self.folders, self.places = {}, {}, []
        self.written, self.made = set(), ()
        self.read = 0

    def take(self):
        """Takes what came since the last time; false when it may have changed meanwhile."""
        self.tracer.flush()
        paths, folders, databases = set(), set(), set()
        with open(self.tracer.log, "rb") as file:
            file.seek(self.read)
            data = file.read()
        self.read += len(data)
        for kind, path in read_records(data):
            if kind == b"l":
                folders.add(path)
            elif kind in b"rsav":
                paths.add(path)
            elif kind == b"b":
                databases.add(path)
            elif kind in b"wW":
                self.written.add(path)
                self.made += (path + "/",) if kind == b"W" else ()
        self.take_databases(databases)
        self.folders.update((path, Folder(path)) for path in folders - set(self.folders) if not self.is_written(path))
        return self.take_files(paths) and self.take_modules()

    def take_databases(self, paths):
        for path in paths:
            found = state(path)
            if found.__class__ is tuple and found[0] < self.began:
                self.files[path] = found
            else:
                self.written.add(path)

    def take_files(self, paths):
        new = {path: state(path) for path in paths if path not in self.files and not is_kept_out(path) and not self.is_written(path)}
        self.files.update(new)
        return not any(found.__class__ is tuple and max(found[:2]) >= self.since - CLOCK_STEP for found in new.values())

    def take_modules(self):
        if any(folder.has_changed() for folder in self.places):
            return False
        root = self.memory.root + "/"
        paths = {getattr(module, "__file__", None) or "" for module in list(sys.modules.values())}
        self.places = [Folder(folder, modules) for folder, modules in search_places(self.memory.root).items()]
        return self.take_files({path for path in paths if path.startswith(root)})

    def is_written(self, path):
        return path in self.written or path.startswith(self.made)

    def has_changed(self, run):
        if self.memory.has_changed(run):
            return True
        for path, was in self.files.items():
            if not self.is_written(path) and state(path) != was:
                return True
        return any(map(self.names_changed, self.folders.values())) or any(folder.has_changed() for folder in self.places)

    def names_changed(self, folder):
        """Whether names came or went that no test of ours wrote."""
        if not folder.has_changed():
            return False
        found = folder.find()
        if found is None or folder.names is None:
            return found != folder.names
        return any(not self.is_written(os.path.join(folder.path, name)) for name in set(found) ^ set(folder.names))


class Sharing:
    """What makes a child go on: `plugin` runs its file, by `request`."""

    def __init__(self, plugin, server, request):
        self.plugin, self.server, self.request = plugin, server, request
        self.channel = None
        self.started = plugin.clock()
        self.pid = os.getpid()
        self.output = None  # where what is printed between two files goes
        self.current = os.fstat(1)
        self.count = 0
        self.folders = {}  # path -> the node that pytest made of it
        self.last = None  # the item that ran last
        self.going_on = self.alone = False
        self.tracer = server.tracer
        self.readings = Readings(server.memory, self.tracer, time.time_ns())
        self.start_log(trace_of(self.pid))
        self.tracer.pending.append("t%d" % self.readings.since)

    def start_log(self, log):
        """The trace goes to a file of the process's own. A child that does not go on leaves it as that of its only file."""
        open(log, "ab").close()
        self.tracer.log = log
        try:
            if self.request["trace"]:
                os.link(log, self.request["trace"])
        except OSError:  # a file system without links
            self.tracer.log, self.alone = os.path.abspath(self.request["trace"]), True

    # As the next item, this makes pytest leave all but the session and its packages.
    def listchain(self):
        import pytest

        kept = (pytest.Session, pytest.Package) + ((pytest.Directory,) if hasattr(pytest, "Directory") else ())
        chain = []
        for node in self.stack.stack:
            if not isinstance(node, kept):
                break
            chain.append(node)
        return chain

    def goes_on(self):
        if self.plugin.getpid() != self.pid or self.alone:
            return False
        if not self.going_on:
            cost = self.plugin.setup_cost()
            dear = cost >= DEAR_SECONDS and cost >= DEAR_PART * (self.plugin.clock() - self.started)
            self.going_on = (self.request["share"] == "session" or dear) and self.join()
        return self.going_on

    def join(self):
        """Tells the server that there is a child that goes on; false when it is not there any more."""
        folder, name = os.path.split(os.path.join(self.server.memory.root, self.server.name))
        try:
            self.channel = connect(folder, name)
            send(self.channel, {"join": self.pid, "output": self.channel.fileno()})
        except OSError:
            self.alone = True
        return not self.alone

    def hold(self, session):
        self.stack = session._setupstate
        leave = self.leave = self.stack.teardown_exact
        self.stack.teardown_exact = lambda nextitem: leave(self if nextitem is None and self.goes_on() else nextitem)

    def let_go(self):
        vars(self.stack).pop("teardown_exact", None)

    def tear_down(self, nextitem):
        """Leaves what the next item does not need. What fails is an error of the last item, but its file is done."""
        from _pytest.runner import CallInfo

        call = CallInfo.from_call(lambda: self.leave(nextitem), "teardown")
        if call.excinfo is None or self.last is None:
            return
        report = self.last.ihook.pytest_runtest_makereport(item=self.last, call=call)
        tear(self.result, {"id": self.last.nodeid, "message": "failed on teardown with %s" % call.excinfo.exconly(), "text": report.longreprtext})

    def keep_node(self, made):
        known = self.folders.setdefault(str(made.path), made)
        return known if known.parent is made.parent and type(known) is type(made) else made

    def end_file(self, config, session):
        """The report, the log and the trace of the file that has run; false when nobody wants another."""
        status = 1 if session.testsfailed else 0 if session.testscollected else 5
        write_report(config)
        summarize(config, status)
        self.put_trace()
        self.plugin.finish(status, kept=True)
        self.count += 1
        self.result = self.request["result"]
        if session.items:
            self.last = session.items[-1]
        sys.stdout.flush()
        sys.stderr.flush()
        if self.output is None:
            self.output = move_up(os.memfd_create("testfan"))
        redirect(self.output, self.current)
        if not self.say(DONE, status << 8):
            return status
        # A group is dated by its begin: what changes while it runs makes all of it run again.
        fresh = self.request["group"] or self.readings.take()
        self.next = receive(self.channel) if fresh else None
        if not fresh or (self.next is not None and not self.request["group"] and self.readings.has_changed(self.next.get("run"))):
            self.next = None
            self.say(STALE)
        return 0

    def say(self, kind, value=0):
        try:
            self.channel.sendall(struct.pack("ii", kind, value))
        except OSError:  # a test has closed it
            return False
        return True

    def put_trace(self):
        self.tracer.flush()
        if not self.request["trace"]:
            return
        if not self.count:
            os.unlink(self.request["trace"])
        with open(self.tracer.log, "rb") as file, open(self.request["trace"], "wb") as copy:
            copy.write(file.read())

    def begin(self, config, session):
        """Makes ready for the next file."""
        request = self.request = self.next
        self.say(CHILD)
        self.readings.since = time.time_ns()
        self.take_output(request["output"])
        session.testsfailed = session.testscollected = 0
        session.items = []
        getattr(config.pluginmanager, "_duplicatepaths", set()).clear()
        restart_terminal(config)

    def take_output(self, output):
        redirect(output, os.fstat(self.output), self.output)
        self.current = os.fstat(output)
        printed = os.pread(self.output, 1 << 20, 0)
        os.ftruncate(self.output, 0)
        os.lseek(self.output, 0, os.SEEK_SET)
        while printed:
            printed = printed[os.write(output, printed) :]
        os.close(output)

    def end(self, config):
        """Leaves everything; what pytest says at its own end belongs to no file."""
        self.let_go()
        self.tear_down(None)
        self.plugin.log = os.devnull
        restart_report(config, os.devnull)


def main(plugin, config, session):
    """What pytest's own _main does, and for a child that goes on also for the files that follow."""
    config.hook.pytest_collection(session=session)
    sharing = plugin.sharing
    if sharing is not None:
        sharing.hold(session)
    try:
        config.hook.pytest_runtestloop(session=session)
        while sharing is not None and sharing.goes_on():
            status = sharing.end_file(config, session)
            if status or sharing.next is None:
                sharing.end(config)
                return status
            sharing.begin(config, session)
            plugin.take(config, sharing.next, sharing.count)
            config.hook.pytest_collection(session=session)
            sharing.tear_down(session.items[0] if session.items else sharing)
            config.hook.pytest_runtestloop(session=session)
    finally:
        if sharing is not None:
            sharing.let_go()
            sharing.going_on = False
    return 1 if session.testsfailed else 0 if session.testscollected else 5


def report_of(config):
    from _pytest.junitxml import xml_key

    return config.stash.get(xml_key, None)


def write_report(config):
    report = report_of(config)
    if report is not None:
        report.pytest_sessionfinish()


def restart_report(config, path):
    report = report_of(config)
    if report is None:
        return
    report.node_reporters.clear()
    report.node_reporters_ordered.clear()
    report.global_properties.clear()
    report.open_reports.clear()
    report.cnt_double_fail_tests = 0
    report.stats.update(dict.fromkeys(report.stats, 0))
    report.logfile = os.path.normpath(os.path.abspath(path))
    report.pytest_sessionstart()


def summarize(config, status):
    """Prints what pytest prints at its end. Who waits for the end of the session to know what to say has nothing to say yet."""
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if terminal is None or not hasattr(terminal, "stats"):
        return
    terminal.ensure_newline()
    ends = config.hook.pytest_sessionfinish.get_hookimpls()
    waiting = [impl.plugin for impl in ends if not impl.function.__module__.startswith("_pytest.")]
    call = config.pluginmanager.subset_hook_caller("pytest_terminal_summary", remove_plugins=waiting)
    call(terminalreporter=terminal, exitstatus=status, config=config)
    terminal.summary_stats()
    terminal.flush()


def restart_terminal(config):
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if terminal is None or not hasattr(terminal, "stats"):
        return
    terminal.stats = {}
    fresh = {"_numcollected": 0, "_already_displayed_warnings": None, "_known_types": None, "_main_color": None, "currentfspath": None, "_progress_nodeids_reported": set()}
    for name in fresh.keys() & vars(terminal).keys():
        setattr(terminal, name, fresh[name])
