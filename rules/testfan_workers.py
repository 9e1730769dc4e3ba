"""The fork server's part of session isolation (testfan_session.py): its children that may go on, and who waits for them.

PYTEST_DONT_REWRITE
"""
import _socket
import json
import os
import select
import struct
import time

CHILD, STALE, DONE = 1, 3, 5  # as testfan_server.py has them
IDLE_SECONDS, END_SECONDS = 10, 60  # how long one waits for a file, and may take to end


def receive(connection):
    """A request and the descriptor of its output; None when there is none, or it cannot be understood."""
    output = None
    try:
        data, ancillary, _, _ = connection.recvmsg(4, _socket.CMSG_SPACE(4))
        if [part[:2] for part in ancillary] == [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS)]:
            output = struct.unpack("i", ancillary[0][2])[0]
            request = json.loads(receive_all(connection, struct.unpack("I", data)[0]).decode("utf-8", "surrogateescape"))
            return dict(request, output=output)
    except (OSError, TypeError, ValueError, struct.error):
        pass
    if output is not None:
        os.close(output)
    return None


def receive_all(connection, size):
    """So many bytes, all of them in the time that the connection has for one."""
    seconds, parts = connection.gettimeout(), []
    until = seconds and time.monotonic() + seconds
    while size:
        if until:
            connection.settimeout(max(until - time.monotonic(), 0.001))
        part = connection.recv(min(size, 1 << 20))
        if not part:
            raise ValueError(size)
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def send(connection, request):
    told = {name: value for name, value in request.items() if name != "output"}
    text = json.dumps(told).encode("utf-8", "surrogateescape")
    rights = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, struct.pack("i", request["output"]))]
    connection.sendmsg([struct.pack("I", len(text))], rights)
    connection.sendall(text)


def trace_of(pid):
    """A temporary file, named as gen/base/out.h has it."""
    return os.path.abspath(".testfan/tmp/server.%d.0.trace" % pid)


def tear(result, what):
    if os.path.exists(result + ".torn"):
        return
    with open(result + ".torn.tmp", "w", encoding="ascii") as file:
        json.dump(what, file)
    os.rename(result + ".torn.tmp", result + ".torn")
    try:
        os.unlink(result + ".ok")
    except FileNotFoundError:
        pass


class Worker:
    """A child that may go on, as the server sees it."""

    def __init__(self, pid, client, request):
        self.pid, self.client, self.request = pid, client, request
        self.channel = None  # it has one when it goes on
        self.pidfd = os.pidfd_open(pid)
        self.files = {request["file"]}
        self.taken = True  # the client knows
        self.since = None  # when it became idle
        self.result = None  # of the file that it ran last
        self.ending = None  # since when it is to end
        self.late = None  # after how long it was ended for not doing so

    def end(self):
        self.ending = time.monotonic()
        if self.channel is not None:
            self.channel.shutdown(_socket.SHUT_WR)

    def close(self):
        os.close(self.pidfd)
        if self.channel is not None:
            self.channel.close()

    def tell_end(self, status):
        """When its end was no good, the file that ran last in it hears of that."""
        if status and self.result:
            how = "was killed by signal %d" % (status & 0x7F) if status & 0x7F else "ended with status %d" % (status >> 8)
            if self.late:
                how = "had not ended %g s" % self.late
            tear(self.result, {"id": "", "message": "the process that it shared %s after its last test" % how, "text": ""})


class Workers:
    """The server's workers, and who waits for them."""

    def __init__(self, name, idle):
        self.name, self.idle, self.limit = name, min(idle, IDLE_SECONDS), min(6 * idle, END_SECONDS)
        self.known = {}  # descriptor -> worker
        self.waiting = {}  # client -> the workers whose end it waits for
        self.mark(False)

    def mark(self, some):
        """NAME.shared stands while there is a child that has gone on: then it is here that one asks, not at a branch."""
        try:
            if some:
                open(self.name + ".shared", "w").close()
            else:
                os.unlink(self.name + ".shared")
        except OSError:
            pass

    def __bool__(self):
        return bool(self.known)

    def all(self):
        return set(self.known.values())

    def find(self, request):
        for worker in self.all():
            if worker.since is not None and not worker.ending and worker.request["group"] == request["group"] and request["file"] not in worker.files:
                return worker
        return None

    def add(self, worker, poll):
        self.known[worker.pidfd] = worker
        poll.register(worker.pidfd, select.POLLIN)

    def join(self, pid, channel):
        """A child goes on, and is to be reached at `channel`."""
        for worker in self.all():
            if worker.pid == pid:
                worker.channel, self.known[channel.fileno()] = channel, worker
                return True
        return False

    def hand(self, worker, client, request):
        worker.client, worker.request, worker.since, worker.taken = client, request, None, False
        client.worker = worker
        try:
            send(worker.channel, request)
        except OSError:  # it has ended meanwhile: its descriptor tells
            pass

    def close(self):
        for worker in self.all():
            worker.close()

    def end_idle(self, everyone, kill):
        """Has those end that nobody needs, and ends those that do not."""
        now = time.monotonic()
        for worker in self.all():
            patience = min(self.limit, worker.request.get("timeout") or self.limit)
            if worker.ending and now - worker.ending >= patience:
                worker.late = worker.late or patience
                kill(worker.pid)
            elif not worker.ending and worker.since is not None and (everyone or now - worker.since >= self.idle):
                worker.end()

    def finish(self, client):
        """Ends those that are idle; true while the client has to wait for that."""
        for worker in self.all():
            if worker.since is not None and not worker.ending:
                worker.end()
        self.waiting[client] = {worker for worker in self.all() if worker.since is not None}
        return self.has_to_wait(client)

    def has_to_wait(self, client):
        if self.waiting[client]:
            return True
        del self.waiting[client]
        return False

    def give_up(self, client, kill):
        """The client has gone: what it has running ends now."""
        self.waiting.pop(client, None)
        if client.worker is not None:
            client.worker.client = None
            kill(client.worker.pid)

    def on_event(self, fd, poll, stale):
        """Returns what it says: CHILD, DONE or STALE; 0: it has ended; None: nothing. And the worker."""
        worker = self.known[fd]
        if fd == worker.pidfd:
            return 0, worker
        try:
            kind, value = struct.unpack("ii", worker.channel.recv(8))
        except (OSError, struct.error):
            poll.unregister(fd)
            del self.known[fd]
            worker.channel.close()
            worker.channel = None
            return None, worker
        if kind == CHILD:
            os.close(worker.request["output"])
            worker.taken = True
            worker.files.add(worker.request["file"])
        if kind == DONE:
            worker.since, worker.status, worker.result = time.monotonic(), value, worker.request["result"]
            self.mark(True)
            if stale:
                worker.end()
        if kind == STALE:
            worker.ending = time.monotonic()
        return kind, worker

    def forget(self, worker, poll):
        """Of a worker that has ended, before it is reaped; returns the clients that have waited long enough."""
        for fd in [fd for fd, other in self.known.items() if other is worker]:
            poll.unregister(fd)
            del self.known[fd]
        worker.close()
        try:
            os.unlink(trace_of(worker.pid))
        except FileNotFoundError:
            pass
        if not self.known:
            self.mark(False)
        for waited in self.waiting.values():
            waited.discard(worker)
        return [client for client in list(self.waiting) if not self.has_to_wait(client)]
