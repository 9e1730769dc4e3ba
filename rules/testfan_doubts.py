"""Why a fork of a started pytest could differ from a process of its own, and whether what it has read is still so.

PYTEST_DONT_REWRITE
"""
import os
import stat
import sys

look = os.stat  # before the trace watches it

# Plugins with session hooks that were tried and may run before the fork.
TESTED = ("_pytest", "pytest", "testfan_target", "xdist")
SESSION_HOOKS = ("pytest_configure", "pytest_unconfigure", "pytest_sessionstart", "pytest_sessionfinish")
CLOCK_STEP = 10_000_000  # nanoseconds by which a file's time may lag behind the clock
LASTING = ("connects to", "listens at")


def has_session_hooks(config):
    for plugin in config.pluginmanager.get_plugins():
        name = getattr(plugin, "__name__", None) or type(plugin).__module__
        if name.partition(".")[0] in TESTED:
            continue
        if any(hasattr(plugin, hook) for hook in SESSION_HOOKS):
            return True
    return False


def is_kept_out(path):
    return ".pyc" in path or any("/%s/" % name in "/" + path + "/" for name in ("__pycache__", ".pytest_cache", ".testfan"))


def state(path):
    try:
        found = look(path)
    except OSError:
        return None
    if stat.S_ISDIR(found.st_mode):
        return found.st_ino
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino


def names(path):
    try:
        return sorted(name for name in os.listdir(path) if name != "__pycache__")
    except OSError:
        return None


class Doubts:
    """Watches what happens until the first fork."""

    def __init__(self, started):
        self.started = started
        self.deeds = []
        self.handlers = {
            "open": self.on_open,
            "os.mkdir": lambda path, *_: self.note("makes the folder", path),
            "socket.connect": lambda _, address: self.note("connects to", str(address)),
            "socket.bind": lambda _, address: self.note("listens at", str(address)),
            "sqlite3.connect": lambda path: self.note("opens the database", path),
        }
        self.files, self.folders, self.records = {}, {}, b""
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
            plain = stat.S_ISREG(os.stat(path).st_mode)
        except OSError:
            plain = True
        if plain:
            self.note("writes", path)

    def end(self):
        self.handlers = {}

    def find(self, config, own, output, tracer):
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
        return self.open_file(own, output) or self.remember(tracer)

    def open_file(self, own, output):
        for name in os.listdir("/proc/self/fd"):
            fd = int(name)
            try:
                found, link = os.fstat(fd), os.readlink("/proc/self/fd/" + name)
            except OSError:
                continue
            nameless = stat.S_ISREG(found.st_mode) and not found.st_nlink
            if fd in own or os.path.samestat(found, output) or stat.S_ISCHR(found.st_mode) or nameless:
                continue
            return "a plugin or conftest.py keeps %s open" % link
        return None

    def remember(self, tracer):
        try:
            with open(tracer.log, "rb") as file:
                self.records = file.read()
            os.unlink(tracer.log)
        except FileNotFoundError:
            pass
        listed = iter(self.records.split(b"\0")[:-1])
        paths = set()
        for record in listed:
            kind, path = record[:1], os.fsdecode(record[1:])
            if kind in b"lu":
                next(listed)
            if kind == b"l":
                self.folders[path] = names(path)
            elif kind in b"rsab":
                paths.add(path)
        paths.update(getattr(module, "__file__", None) or "" for module in list(sys.modules.values()))
        for folder in tracer.sites:
            self.folders[folder] = names(folder)
        for path in paths:
            if path.startswith(tracer.prefixes) and not is_kept_out(path):
                self.files[path] = state(path)
        for path, found in self.files.items():
            if found.__class__ is tuple and max(found[:2]) >= self.started - CLOCK_STEP:
                return "%s was written while the server started" % path
        return None

    def changed(self):
        return any(state(path) != was for path, was in self.files.items()) or any(
            names(path) != was for path, was in self.folders.items()
        )
