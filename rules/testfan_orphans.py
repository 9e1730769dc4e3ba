"""What the children of the fork server start and leave behind, in whatever session, and when that is ended.

PYTEST_DONT_REWRITE
"""
import os
import sys
import time

SIGKILL = 9
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
SWEEP_SECONDS = 2  # what cannot be ended in this time, as a program of another user, stays


def find_prctl():
    try:
        import _ctypes
    except ImportError:
        return lambda *_: None
    prctl = _ctypes.dlsym(_ctypes.dlopen(None, 0), "prctl")
    del sys.modules["_ctypes"]
    return lambda *words: _ctypes.call_function(prctl, words)


prctl = find_prctl()


def die_with_parent():
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)


def adopt():
    """From here on processes that lose their parents become children of this one."""
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def children():
    try:
        with open("/proc/self/task/%d/children" % os.getpid()) as file:
            return set(map(int, file.read().split()))
    except OSError:
        return set()


def has_ended(pid):
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True


def end(pid):
    try:
        os.kill(pid, SIGKILL)
    except OSError:
        pass


class Orphans:
    """Whose an orphan is cannot be told: it may stay until all are done that ran when it was seen first."""

    def __init__(self):
        self.suspects = {}  # pid -> the pids of those that may have started it

    def look(self, ours, running):
        """`ours`: the children that were forked here and are not reaped; `running`: those of them that are not done."""
        found = [pid for pid in children() - ours if not has_ended(pid)]
        self.suspects = {pid: self.suspects.get(pid, running) for pid in found}

    def sweep(self, done, ours, running):
        """Of `ours`, `done` is done and `running` are at work: ends what it left, and what that leaves."""
        until = time.monotonic() + SWEEP_SECONDS
        self.look(ours, running | {done})
        while time.monotonic() < until:
            over = [pid for pid, suspects in self.suspects.items() if not suspects & running]
            for pid in over:
                end(pid)
            if not over:
                break
            time.sleep(0.001)
            self.look(ours, running)
