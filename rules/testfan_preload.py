"""Imports what many targets share into a server that then forks them, where that cannot be told from importing it in each.

PYTEST_DONT_REWRITE
"""
import os
import sys
import warnings

from testfan_files import remove
from testfan_memory import Folder, listdir, look, with_parents

BRANCHES_MOST = 4  # of a server, at a time


def is_same_file(path, other):
    try:
        return os.path.samestat(look(path), look(other))
    except OSError:
        return False


class Branches:
    """The servers beside one that have imported more, each at a socket with a name that tells what."""

    def __init__(self, name):
        self.name = name
        self.known = {}  # what its socket is named, after that of the server -> its pid; the oldest first
        self.futile = set()  # what could not be imported early

    def fork(self, branch):
        """Returns 0 in the new process."""
        self.known[branch] = os.fork()
        return self.known[branch]

    def pids(self):
        return set(self.known.values())

    def count(self):
        for branch, pid in list(self.known.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                del self.known[branch]
            if ended and status:
                self.futile.add(branch)
                remove(self.name + branch)
        return len(self.known)

    def lacks(self, branch):
        """Whether nobody is this branch, or tries to be, and it is worth trying. Makes room for it where there are too many."""
        if not branch or branch in self.futile:
            return False
        if self.count() >= BRANCHES_MOST and branch not in self.known:
            remove(self.name + next(iter(self.known)))  # it ends when nobody is left who asked it
        return branch not in self.known and len(self.known) < BRANCHES_MOST

    def stands(self, branch):
        try:
            return branch in self.known and bool(look(self.name + branch))
        except OSError:
            return False

    def wait(self):
        for pid in self.pids():
            os.waitpid(pid, 0)


class World:
    """What one import could change for the next."""

    def __init__(self):
        self.lists = [list(found) for found in self.find_lists()]
        self.environ = dict(os.environ)
        self.modules = [(name, module, dict(module.__dict__)) for name, module in list(sys.modules.items()) if type(module) is type(sys)]

    def find_lists(self):
        return sys.path, sys.meta_path, sys.path_hooks, warnings.filters

    def find_change(self):
        if self.lists != [list(found) for found in self.find_lists()] or self.environ != dict(os.environ):
            return "importing changes sys.path, the warnings that are shown or the environment"
        for name, module, was in self.modules:
            now = module.__dict__
            if sys.modules.get(name) is not module:
                return "importing replaces %s" % name
            for attribute, value in was.items():
                if not attribute.startswith("_") and now.get(attribute, was) is not value:
                    return "importing changes %s.%s" % (name, attribute)
        return None


class Preload:
    """MODULES: pairs of a module, as gen/graph/leading.h has it, and the file that it must come from, "" for any."""

    def __init__(self, modules):
        self.modules = modules
        self.names = set()
        self.root = None
        self.folders = {}  # that were looked at for them

    def find_reason(self, root):
        """Imports them; what speaks against keeping them, or None."""
        self.root, before = root, set(sys.modules)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            world = World()
            for name, path in self.modules:
                name, _, taken = name.partition(":")
                try:
                    __import__(name, fromlist=[taken] if taken else [])
                except BaseException as error:
                    return "%s: %r" % (name, error)
                found = getattr(sys.modules[name], "__file__", None) or ""
                if path and not is_same_file(found, os.path.join(root, path)):
                    return "%s is found at %s" % (name, found)
            change = world.find_change()
        if told:
            return "importing warns: %s" % told[0].message
        made = set(sys.modules) - before
        self.names.update(name.partition(".")[0] for name in made)
        return change or self.find_pid(made)

    def watch(self, handlers):
        """Those of a trace, that also note what is found nowhere: there may be one where only a test file has it on sys.path."""

        def on_import(module, *told):
            self.names.add(module.partition(".")[0])
            handlers["import"](module, *told)

        return {**handlers, "import": on_import}

    def find_pid(self, names):
        pid = os.getpid()
        for name in names:
            for attribute, value in list(getattr(sys.modules.get(name), "__dict__", {}).items()):
                if value.__class__ is int and value == pid:
                    return "importing keeps the number of the process in %s.%s" % (name, attribute)
        return None

    def may_be_hidden(self, file):
        """Whether a folder that pytest puts on sys.path for a test file, or for a conftest.py above it, holds another module of some name."""
        folder = os.path.dirname(os.path.abspath(file))
        return self.hides(folder) or any(self.hides(above) for above in self.parents(folder) if "conftest.py" in listdir(above))

    def parents(self, folder):
        return (above for above in with_parents(folder) if (above + "/").startswith(self.root + "/"))

    def hides(self, folder):
        while "__init__.py" in listdir(folder):
            folder = os.path.dirname(folder)
        if folder in map(os.path.abspath, sys.path):
            return False
        if folder not in self.folders or self.folders[folder].has_changed():
            self.folders[folder] = Folder(folder, self.names)
        return bool(self.folders[folder].names)
