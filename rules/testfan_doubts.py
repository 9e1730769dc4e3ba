"""Why a fork of a started pytest could differ from a process of its own.

PYTEST_DONT_REWRITE
"""
import os
import stat
import sys

from testfan_files import open_files
from testfan_memory import is_kept_out, look

# Plugins with session hooks that were tried and may run before the fork.
TESTED = ("_pytest", "pytest", "testfan_target", "xdist")
SESSION_HOOKS = ("pytest_configure", "pytest_unconfigure", "pytest_sessionstart", "pytest_sessionfinish")
LASTING = ("connects to", "listens at")


def has_session_hooks(config):
    for plugin in config.pluginmanager.get_plugins():
        name = getattr(plugin, "__name__", None) or type(plugin).__module__
        if name.partition(".")[0] in TESTED:
            continue
        if any(hasattr(plugin, hook) for hook in SESSION_HOOKS):
            return True
    return False


class Doubts:
    """Watches what happens until the first fork."""

    def __init__(self):
        self.deeds = []
        self.handlers = {
            "open": self.on_open,
            "os.mkdir": lambda path, *_: self.note("makes the folder", path),
            "socket.connect": lambda _, address: self.note("connects to", str(address)),
            "socket.bind": lambda _, address: self.note("listens at", str(address)),
            "sqlite3.connect": lambda path: self.note("opens the database", path),
        }
        sys.addaudithook(self.hook)

    def hook(self, event, args):
        handler = self.handlers.get(event)
        if handler is not None:
            handler(*args)

    def note(self, deed, what):
        if not is_kept_out(os.fsdecode(what)):
            self.deeds.append((deed, what))

    def on_open(self, path, mode, flags):
        writes = flags.__class__ is int and flags & os.O_ACCMODE != os.O_RDONLY
        if not writes or path.__class__ is int or flags & os.O_TMPFILE == os.O_TMPFILE:
            return
        try:
            plain = stat.S_ISREG(look(path).st_mode)
        except OSError:
            plain = True
        if plain:
            self.note("writes", path)

    def end(self):
        self.handlers = {}

    def find(self, config, own, output):
        """What speaks against forking from here; None when nothing does."""
        for plugin in config.pluginmanager.get_plugins():
            said = getattr(plugin, "testfan_no_fork", None)
            if said and said.__class__ is str:
                return "%s: %s" % (getattr(plugin, "__name__", plugin), said)
        if len(os.listdir("/proc/self/task")) > 1:
            return "a plugin or conftest.py has started a thread"
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            return "a plugin or conftest.py has started a process that still runs"
        except ChildProcessError:
            pass
        for deed, what in self.deeds:
            if deed in LASTING or os.path.lexists(what):
                return "a plugin or conftest.py %s %s before the first test is collected" % (deed, os.fsdecode(what))
        return self.open_file(own, output)

    def open_file(self, own, output):
        for fd, found in open_files():
            nameless = stat.S_ISREG(found.st_mode) and not found.st_nlink
            if fd in own or os.path.samestat(found, output) or stat.S_ISCHR(found.st_mode) or nameless:
                continue
            return "a plugin or conftest.py keeps %s open" % os.readlink("/proc/self/fd/%d" % fd)
        return None
