"""Imports what many targets share into a server that then forks them, where that cannot be told from importing it in each.

PYTEST_DONT_REWRITE
"""
import importlib
import os
import sys
import warnings

from testfan_memory import listdir, look


def is_same_file(path, other):
    try:
        return os.path.samestat(look(path), look(other))
    except OSError:
        return False


class Preload:
    """MODULES: pairs of a module and the file that it must come from, "" for any."""

    def __init__(self, modules):
        self.modules = modules
        self.names = set()
        self.clear = {}

    def find_reason(self, root):
        """Imports them; what speaks against keeping them, or None."""
        before = set(sys.modules)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            for name, path in self.modules:
                try:
                    module = importlib.import_module(name)
                except BaseException as error:
                    return "%s: %r" % (name, error)
                found = getattr(module, "__file__", None) or ""
                if path and not is_same_file(found, os.path.join(root, path)):
                    return "%s is found at %s" % (name, found)
        if told:
            return "importing warns: %s" % told[0].message
        self.names = {name.partition(".")[0] for name in set(sys.modules) - before}
        return None

    def may_be_hidden(self, file):
        """Whether the folder that pytest puts on sys.path for a test file holds another module of some name."""
        folder = os.path.dirname(os.path.abspath(file))
        names = listdir(folder)
        while "__init__.py" in names:
            folder = os.path.dirname(folder)
            names = listdir(folder)
        if folder not in self.clear:
            names = () if folder in map(os.path.abspath, sys.path) else names
            self.clear[folder] = not any(name.partition(".")[0] in self.names for name in names)
        return not self.clear[folder]
