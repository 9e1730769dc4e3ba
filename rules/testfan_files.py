"""Descriptors, sockets and files of the fork server and of its children.

PYTEST_DONT_REWRITE
"""
import _socket
import os
import stat
import tempfile

from testfan_memory import look

SIGKILL = 9


def is_at(name, inode):
    try:
        return look(name).st_ino == inode
    except OSError:
        return False


def own_file(suffix):
    """A temporary file of this process alone, named as gen/base/out.h has it."""
    return os.path.abspath(".testfan/tmp/server.%d.0%s" % (os.getpid(), suffix))


def kill_group(pid):
    for kill in os.killpg, os.kill:
        try:
            kill(pid, SIGKILL)
        except OSError:
            pass


def remove(name):
    try:
        os.unlink(name)
    except OSError:
        pass


class Run:
    """A process for which a child lives, in the place of a connection: it hangs up when it ends."""

    def __init__(self, pid):
        self.fd = os.pidfd_open(pid)

    def fileno(self):
        return self.fd

    def send(self, data):
        pass

    def close(self):
        os.close(self.fd)


def listen_at(name):
    listener = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    remove(name + ".tmp")
    listener.bind(name + ".tmp")
    listener.listen(4096)
    os.rename(name + ".tmp", name)
    return listener


def lacks_pidfd():
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        return "this Python or this kernel cannot watch a child by descriptor"
    return None


def read_pipe(fd):
    """What stands in the pipe of our own output: testfan made it so that it can be read here as well."""
    parts = []
    try:
        while True:
            parts.append(os.read(fd, 1 << 20))
    except BlockingIOError:
        return b"".join(parts)


def own_pipe():
    """Such a pipe for this process alone."""
    reads, writes = os.pipe()
    both = os.open("/dev/fd/%d" % writes, os.O_RDWR | os.O_NONBLOCK)
    os.close(reads)
    os.close(writes)
    return both


def write_all(fd, data):
    while data:
        data = data[os.write(fd, data) :]


def open_files():
    """Each open descriptor, and the state of its file."""
    for name in os.listdir("/proc/self/fd"):
        try:
            found = os.fstat(int(name))
        except OSError:  # that of the list itself
            continue
        yield int(name), found


def redirect(output, shared, kept=-1):
    """Puts `output` wherever the file is that `shared` is the state of, but for the descriptor `kept`; tells what files the others are."""
    others = []
    for fd, found in open_files():
        if fd in (output, kept):
            continue
        if os.path.samestat(found, shared):
            os.dup2(output, fd, os.get_inheritable(fd))
        else:
            others.append((fd, found))
    return others


def own_files(output, shared):
    """Puts `output` where the server's output was, and a file of its own where pytest captures into one without a name."""
    for fd, found in redirect(output, shared):
        if stat.S_ISREG(found.st_mode) and not found.st_nlink:
            with tempfile.TemporaryFile(buffering=0) as copy:
                copy.write(os.pread(fd, found.st_size, 0))
                copy.seek(os.lseek(fd, 0, os.SEEK_CUR))
                os.dup2(copy.fileno(), fd, os.get_inheritable(fd))
    os.close(output)
