"""What a started pytest has read, looked for and not found, and whether all that is still so.

PYTEST_DONT_REWRITE
"""
import os
import stat
import sys
import time

look, listdir = os.stat, os.listdir  # before the trace watches them

INSTALLED_SECONDS = 0.5  # how old may be, in one run, what is known of the files of distributions: gen knew them as they were before
CLOCK_STEP = 10_000_000  # nanoseconds by which a file's time may lag behind the clock
INI_NAMES = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg", "setup.py")


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


def with_parents(folder):
    while True:
        yield folder
        above = os.path.dirname(folder)
        if above == folder:
            return
        folder = above


class Folder:
    """The names in a folder, or of these only what could be one of some modules."""

    def __init__(self, path, modules=None):
        self.path, self.modules = path, modules
        self.dated = self.date()
        self.names = self.find()

    def date(self):
        """When names came or went last; None while that could not be told from one more a moment later."""
        try:
            at = look(self.path).st_mtime_ns
        except OSError:
            return None
        return at if time.time_ns() - at > CLOCK_STEP else None

    def find(self):
        try:
            found = listdir(self.path)
        except OSError:
            return None
        if self.modules is None:
            return sorted(name for name in found if name != "__pycache__")
        return sorted(name for name in found if name.partition(".")[0] in self.modules)

    def has_changed(self):
        dated = self.date()
        if dated is not None and dated == self.dated:
            return False
        if self.find() != self.names:
            return True
        self.dated = dated
        return False


def search_places(root):
    """Folder of the tree -> the modules that were looked for there, whether that is where they were found or not."""
    places = {}
    modules = dict(sys.modules)
    for name, module in modules.items():
        above, _, last = name.rpartition(".")
        try:
            folders = list(getattr(modules.get(above), "__path__", ())) if above else [p or os.getcwd() for p in sys.path]
        except Exception:
            continue
        for folder in folders:
            if (folder + "/").startswith(root + "/"):
                places.setdefault(folder, set()).add(last)
    return places


def source_of(path):
    """PEP 3147: of a module that is no longer known only this may have been opened."""
    folder, name = os.path.split(path)
    if os.path.basename(folder) == "__pycache__" and name.endswith(".pyc"):
        return os.path.join(os.path.dirname(folder), name.partition(".")[0] + ".py")
    return path


def read_records(noted):
    """The letter and the path of each record of a trace (testfan_trace.py)."""
    records = iter(noted.split(b"\0")[:-1])
    for record in records:
        yield record[:1], os.fsdecode(record[1:])
        if record[:1] in b"lu":
            next(records, None)


class Memory:
    def __init__(self, started):
        self.started = started
        self.files, self.folders, self.records = {}, [], b""
        self.own, self.installed = [], []  # of the files, those that each child asks for, and the others
        self.looked = None, 0.0  # in which run, and when at the others, by the monotonic clock

    def take_trace(self, tracer):
        """The trace so far, which each child goes on with; returns the paths in it."""
        try:
            with open(tracer.log, "rb") as file:
                noted = file.read()
            os.unlink(tracer.log)
        except FileNotFoundError:
            return
        self.records += noted
        for kind, path in read_records(noted):
            if kind == b"l":
                self.folders.append(Folder(path))
            elif kind in b"rsabqv":
                yield source_of(path)

    def take(self, config, tracer):
        """Remembers all, with what is remembered already; what cannot be sure is said."""
        self.root = tracer.root
        paths = set(self.take_trace(tracer))
        if tracer.pending:
            tracer.pending = []
            return "what it has read cannot be noted: the disk is full, or a file may not grow so far"
        paths.update(getattr(module, "__file__", None) or "" for module in list(sys.modules.values()))
        paths = {path for path in paths if path.startswith(tracer.prefixes)}
        for folder in with_parents(tracer.root):
            paths.update(os.path.join(folder, name) for name in INI_NAMES)
        for folder in map(str, getattr(config.pluginmanager, "_dirpath2confmods", ())):
            paths.update(os.path.join(above, "conftest.py") for above in with_parents(folder))
        found = {path: state(path) for path in paths if path not in self.files and not is_kept_out(path)}
        if not self.files:
            self.folders += [Folder(folder) for folder in tracer.sites]
        self.files.update(found)
        outside = tuple(os.path.join(folder, "") for folder in tracer.sites)
        self.own = [entry for entry in self.files.items() if not entry[0].startswith(outside)]
        self.installed = [entry for entry in self.files.items() if entry[0].startswith(outside)]
        self.folders += [Folder(folder, modules) for folder, modules in search_places(tracer.root).items()]
        for path, state_now in found.items():
            if state_now.__class__ is tuple and max(state_now[:2]) >= self.started - CLOCK_STEP:
                return "%s was written while the server started" % path
        return None

    def has_changed(self, run):
        """`run` tells one run from another."""
        entries, now = self.own, time.monotonic()
        if self.looked[0] != run or now - self.looked[1] >= INSTALLED_SECONDS:
            entries, self.looked = self.own + self.installed, (run, now)
        for path, was in entries:
            if state(path) != was:
                return True
        return any(folder.has_changed() for folder in self.folders)
