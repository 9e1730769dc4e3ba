"""Notes which files a run reads, lists, looks for and writes, by sys.addaudithook, from before pytest is imported.

Each record goes to the log as a letter, an absolute path and a NUL:

    r read               w written or removed                        s looked at (os.stat), and there
    b read as a database W made, with all that is in it              a looked for, and not there
    v a module could be here, and was looked for in vain
    l listed: the names it held follow, each with a '/' before it
    u given another time: the old ones follow                   x a program that was started, q a word of its command line
    o a compiled module that is installed
    t when a process began that runs several files, in nanoseconds (testfan_session.py)
    m modules that were imported or looked for, by their        y a Python that was started and does not let itself be watched
      whole names, with '/' between

Only paths in the tree or in a folder of distributions are noted, and each once. os.stat has no audit event and os.open tells
no dir_fd: they are wrapped. What importlib and pytest list and look for while they search is theirs, and left out; what they
read is not. Python programs that the tests start are watched too (sitecustomize.py).

PYTEST_DONT_REWRITE
"""
import os
import sys
from _frozen_importlib_external import PathFinder
from _imp import extension_suffixes
from _thread import get_ident
from os import fsdecode, getcwd

# Code that looks at files for somebody else: the caller above it counts.
HELPERS = {
    "contextlib", "fnmatch", "genericpath", "glob", "importlib", "ntpath", "os", "pathlib", "pkgutil", "posixpath", "shutil",
    "tempfile", "testfan_trace", "zipfile",
}  # fmt: skip
SEARCHERS = {
    "_frozen_importlib", "_frozen_importlib_external", "_pytest", "pluggy", "pytest", "site", "sysconfig", "testfan_target",
    "zipimport",
}  # fmt: skip


def by_searcher():
    frame = sys._getframe(1)
    while frame is not None:
        module = frame.f_globals.get("__name__") or ""
        if module.startswith(("importlib._bootstrap", "importlib.metadata")):
            return True
        package = module.partition(".")[0]
        if package not in HELPERS:
            return package in SEARCHERS
        frame = frame.f_back
    return True


class Tracer:
    def __init__(self, log, root, sites, child):
        self.log, self.root, self.child = log, root, child
        self.seen, self.pending = set(), []
        self.sites, self.outside, self.prefixes = None, ("/",), ("/",)
        if sites is not None:
            self.narrow(sites)
        self.names = set(sys.modules)
        self.folders = {}  # thread -> dir_fd of the os.open() it is in
        self.buffered = True
        self.searching = False  # pytest is looking for its plugins
        self.open, self.write, self.close, self.listdir = os.open, os.write, os.close, os.listdir
        self.stat, self.readlink = os.stat, os.readlink

    def narrow(self, sites):
        """Says which folders outside the tree count: until then all do, and nothing is written."""
        self.sites = sites
        self.outside = tuple(folder.rstrip("/") + "/" for folder in sites)
        self.prefixes = tuple(folder.rstrip("/") + "/" for folder in [self.root, *sites])
        self.pending = [record for record in self.pending if record[0] in "mxy" or self.counts(*record.partition("\0")[0].partition("/"))]

    def counts(self, kind, slash, rest):
        path = slash + rest
        return path.startswith(self.outside if kind == "o" else self.prefixes) or path == self.root or "/.." in path

    def note(self, kind, path):
        if path.__class__ is int:
            try:
                path = self.readlink("/proc/self/fd/%d" % path)
            except OSError:
                return None
            if not path.startswith("/"):
                return None
        elif path.__class__ is not str:
            try:
                path = fsdecode(path)
            except TypeError:
                return None
        if not path.startswith("/"):
            if path.startswith("<"):
                return None
            try:
                path = getcwd() + "/" + path
            except OSError:
                return None
        if not path.startswith(self.prefixes) and path != self.root and "/.." not in path:
            return None
        record = kind + path
        if record in self.seen or path == self.log:
            return None
        self.seen.add(record)
        return record

    def put(self, record):
        self.pending.append(record)
        if not self.buffered or len(self.pending) > 200:
            self.flush()

    def flush(self):
        if self.sites is None or not self.pending:
            return
        records, self.pending = self.pending, []
        data = b"".join(os.fsencode(r) + b"\0" for r in records)
        if not self.append(self.log, data):
            self.pending = records + self.pending  # perhaps later

    def append(self, file, data):
        try:
            fd = self.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        except OSError:
            return False
        try:
            return self.write(fd, data) == len(data)
        except OSError:
            return False
        finally:
            self.close(fd)

    def add(self, kind, path):
        record = self.note(kind, path)
        if record:
            self.put(record)

    def in_folder(self, path, folder):
        """The path that a call with dir_fd means."""
        if folder.__class__ is not int or folder < 0 or path.__class__ is int:
            return path
        try:
            return os.path.join(self.readlink("/proc/self/fd/%d" % folder), fsdecode(path))
        except (OSError, TypeError):
            return path

    def on_open(self, path, mode, flags):
        if mode is None:
            path = self.in_folder(path, self.folders.pop(get_ident(), None))
        access = flags & os.O_ACCMODE if flags.__class__ is int else 0
        writes = access != os.O_RDONLY or (mode.__class__ is str and mode.startswith(("w", "a", "x")))
        if not writes or (access == os.O_RDWR and not flags & os.O_TRUNC):
            self.on_read(path)
        if writes:
            self.add_written(path)

    def on_read(self, path, *_):
        if self.searching and "-info/" in str(path) and not os.path.exists(path):
            return
        self.add("r", path)

    def on_database(self, path, *_):
        self.add("b", path)

    def on_remove(self, path, folder=-1):
        self.add("w", self.in_folder(path, folder))

    def on_truncate(self, path, *_):
        self.add("w", path)

    def is_there(self, path):
        try:
            self.stat(path)
        except (OSError, ValueError):
            return False
        return True

    def add_written(self, path):
        record = self.note("w", path)
        if record:
            self.put(record if self.is_there(path) else "W" + record[1:])

    def on_mkdir(self, path, mode, folder=-1):
        path = self.in_folder(path, folder)
        if not self.is_there(path):
            self.add("W", path)

    def on_rename(self, source, target, source_folder=-1, target_folder=-1):
        target = self.in_folder(target, target_folder)
        self.add("w", self.in_folder(source, source_folder))
        self.add_written(target)
        self.add("W", target)

    def on_link(self, source, target, source_folder=-1, target_folder=-1):
        self.add("W", self.in_folder(target, target_folder))

    def on_symlink(self, source, target, folder=-1):
        self.add("W", self.in_folder(target, folder))

    def on_utime(self, path, times, ns, folder=-1):
        path = self.in_folder(path, folder)
        record = self.note("u", path)
        if record:
            try:
                old = self.stat(path)
            except OSError:
                return
            self.put("%s\0%d %d" % (record, old.st_atime_ns, old.st_mtime_ns))
            self.append(os.path.join(os.path.dirname(self.log), "touched"), os.fsencode(record[1:]) + b"\n")

    def on_list(self, path="."):
        record = self.note("l", "." if path is None else path)
        if not record:
            return
        if by_searcher():
            self.seen.discard(record)
            return
        try:
            names = self.listdir(record[1:])
        except OSError:
            self.put("a" + record[1:])
        else:
            self.put(record + "\0" + "".join("/" + name for name in names))

    def on_library(self, name):
        if name.__class__ is str and "/" in name:
            self.on_read(name)

    def on_import(self, module, filename, *_):
        if module not in self.names:
            self.names.add(module)
            self.put("m" + module)
        if filename:
            self.on_read(filename)
            if filename.startswith(self.outside):
                self.add("o", filename)

    def on_missing(self, module, path):
        """No folder of the path has the module; one in the tree may come to have it."""
        names = [module.rpartition(".")[2] + suffix for suffix in ("", ".py", *extension_suffixes())]
        for folder in sys.path if path is None else path:
            if folder.__class__ is str and (not folder.startswith("/") or (folder + "/").startswith(self.root + "/")):
                for place in (os.path.join(folder, name) for name in names):
                    if not self.is_there(place):
                        self.add("v", place)

    def on_start(self, executable, args, cwd, env):
        where = fsdecode(cwd) if cwd else None
        try:
            words = [fsdecode(a) for a in ([args] if isinstance(args, (str, bytes)) else args)]
        except TypeError:
            words = []
        for word in words:
            path = os.path.join(where, word) if where else word
            if len(path) < 4096 and "\0" not in path:
                self.look("q", path)
        if executable:
            self.started(fsdecode(executable))
        if any(word.startswith("-") and not word.startswith("--") and set("IES") & set(word) for word in words[1:4]):
            self.put("y")

    # This process ends here: nobody will note what the program does.
    def on_exec(self, path, args, env):
        self.started(fsdecode(path))
        self.put("y")
        self.flush()

    def on_spawn(self, path, args, env):
        self.on_start(path, args, None, env)

    def on_command(self, command):
        for word in fsdecode(command).split():
            self.look("q", word.strip("'\""))
        self.started("/bin/sh")

    def started(self, program):
        if "x" + program not in self.seen:
            self.seen.add("x" + program)
            self.put("x" + program)

    def look(self, kind, path):
        if not self.handlers:  # nobody is watched
            return
        record = self.note(kind, path)
        if not record:
            return
        if kind != "q" and by_searcher():
            self.seen.discard(record)
            return
        self.put(record)

    def hook(self, event, args):
        handler = self.handlers.get(event)
        if handler is not None:
            handler(*args)

    def install(self):
        self.handlers = {
            "open": self.on_open,
            "os.listdir": self.on_list,
            "os.scandir": self.on_list,
            "import": self.on_import,
            "ctypes.dlopen": self.on_library,
            "sqlite3.connect": self.on_database,
            "os.mkdir": self.on_mkdir,
            "os.remove": self.on_remove,
            "os.rmdir": self.on_remove,
            "os.truncate": self.on_truncate,
            "os.utime": self.on_utime,
            "os.rename": self.on_rename,
            "os.link": self.on_link,
            "os.symlink": self.on_symlink,
            "subprocess.Popen": self.on_start,
            "os.exec": self.on_exec,
            "os.posix_spawn": self.on_spawn,
            "os.system": self.on_command,
        }
        for name in ("stat", "lstat", "access"):
            wrap_look(self, name)
        wrap_open(self)
        wrap_finder(self)
        wrap_start(self)
        os.register_at_fork(before=self.flush, after_in_child=self.forked)
        self.put("m" + "/".join(sorted(self.names)))
        sys.addaudithook(self.hook)

    def forked(self):
        self.pending = []
        self.buffered = False

    def environment(self, env):
        """The environment for a child, as a list of bytes, with what lets a Python child find this module."""
        env = [k + b"=" + v for k, v in os.environb.items()] if env is None else list(env)
        path = [e[11:] for e in env if e.startswith(b"PYTHONPATH=")]
        told = [self.log, self.root, *(self.sites or ())]
        env = [e for e in env if not e.startswith(b"PYTHONPATH=")]
        env.append(b"PYTHONPATH=" + b":".join([os.fsencode(self.child), *path]))
        env.append(b"TESTFAN_TRACE=" + b"\n".join(map(os.fsencode, told)))
        if path:
            env.append(b"TESTFAN_PYTHONPATH=" + path[0])
        return env


class Wrapped:
    """Stands for a builtin function: no descriptor, so that a class which holds it does not bind it."""

    def __init__(self, real, call):
        self.real, self.call = real, call
        self.__name__ = self.__qualname__ = real.__name__
        self.__module__, self.__doc__ = real.__module__, real.__doc__

    def __call__(self, *args, **kwargs):
        return self.call(*args, **kwargs)

    def __repr__(self):
        return repr(self.real)

    def __reduce__(self):
        return eval, ("__import__(%r).%s" % (self.real.__module__, self.real.__name__),)


def wrap_look(tracer, name):
    real, known = getattr(os, name), set()

    def look(path, *args, **kwargs):
        try:
            result = real(path, *args, **kwargs)
        except (FileNotFoundError, NotADirectoryError):
            if not kwargs.get("dir_fd"):
                tracer.look("a", path)
            raise
        if path.__class__ is not int and path not in known and not kwargs.get("dir_fd"):
            tracer.look("a" if result is False else "s", path)
            if path.__class__ is str and path.startswith("/") and result is not False:
                known.add(path)
        return result

    replace(real, look)


def wrap_open(tracer):
    real = os.open

    def open_at(path, flags, *args, dir_fd=None, **kwargs):
        if dir_fd is None:
            return real(path, flags, *args, **kwargs)
        tracer.folders[get_ident()] = dir_fd
        try:
            return real(path, flags, *args, dir_fd=dir_fd, **kwargs)
        finally:
            tracer.folders.pop(get_ident(), None)

    replace(real, open_at)


def wrap_finder(tracer):
    real = PathFinder.__dict__["find_spec"].__func__

    def find_spec(cls, fullname, path=None, target=None):
        spec = real(cls, fullname, path, target)
        if spec is None and tracer.handlers:
            tracer.on_missing(fullname, path)
        return spec

    PathFinder.find_spec = classmethod(find_spec)


def replace(real, call):
    wrapped = Wrapped(real, call)
    for group in ("supports_dir_fd", "supports_effective_ids", "supports_fd", "supports_follow_symlinks"):
        if real in getattr(os, group):
            getattr(os, group).add(wrapped)
    setattr(os, real.__name__, wrapped)


def wrap_start(tracer):
    try:
        import _posixsubprocess
    except ImportError:
        return
    real, spawn = _posixsubprocess.fork_exec, os.posix_spawn

    def fork_exec(*args):
        tracer.flush()
        return real(*args[:5], tracer.environment(args[5]), *args[6:])

    def posix_spawn(path, argv, env, **kwargs):
        tracer.flush()
        told = tracer.environment([os.fsencode(k) + b"=" + os.fsencode(v) for k, v in env.items()])
        return spawn(path, argv, dict(e.split(b"=", 1) for e in told), **kwargs)

    _posixsubprocess.fork_exec = Wrapped(real, fork_exec)
    os.posix_spawn = Wrapped(spawn, posix_spawn)


def start(log, root, sites, child):
    tracer = Tracer(log, root, sites, child)
    tracer.install()
    return tracer
