"""Which first-party inputs a plain pytest run of one test file had, by what strace saw of it.

Paths count when they lie under rootdir, as kinds:

    py      a Python source was read (a .pyc of a __pycache__ that was read counts as its source)
    data    another file was read
    egg     a file of the project's own *.egg-info or *.dist-info was read
    list    a folder was opened as a folder, which is what listing it needs
    stat    something was looked at that is there
    absent  something was looked for that is not there

A path has the strongest kind only: what was read is not also a stat. Left out is, by these rules:

 1. What runs make. A path that is not in the unpacked project, and that any run made, renamed to, or wrote, is no input; nor is one that this run
    itself wrote before it looked at it.
 2. What tools keep: .git, .testfan, .pytest_cache, build.ninja, .ninja_*; __pycache__ and .pyc files, other than as above.
 3. What pytest itself touches while collecting. An empty test file is put beside the real one, in another copy of the tree, and run the same way. What
    that run looked at, looked for, or listed as often is taken from the real one's `stat`, `absent` and `list` (the empty file's name read as the
    real one's). Reads are never taken out by it.
 4. What the import system looks at while it searches. Its folders are those that hold a module that was imported (that is, whose .pyc was read), and each
    folder above a package. Left out are listings of these folders that come right after a look at the folder, as importlib makes them; looks
    at them; and `FOLDER/NAME/__init__.*` and looks at `FOLDER/NAME`, which tell a package from a namespace. Reads are never taken out by it.
 5. What Python looks for to show the lines of code that has no file: names with <, > or an address in them, or made of the path of the tree.
 6. A look at a folder that is above something that was read, or at rootdir and what is above it: that folder can't go without the file's going.
"""
import collections
import os
import re

import strace

KINDS = ("py", "data", "egg", "list", "stat", "absent")
TOOLS = {".git", ".testfan", ".pytest_cache", "build.ninja"}
CACHED = re.compile(r"(?:(?P<folder>.*)/)?__pycache__/(?P<name>[^/.]+)\.[^/]*\.pyc")
EGG = re.compile(r"(?:.*/)?[^/]+\.(?:egg|dist)-info(?:/.*)?")
NO_FILE = re.compile(r"[<>]|0x[0-9a-f]{6}")
INIT = re.compile(r"(?P<package>.*)/__init__\.[^/]+")


def above(path):
    """The folders above a relative path, without rootdir."""
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


class Tree:
    """A copy of a project and what was in it when it was unpacked."""

    def __init__(self, root):
        self.root = str(root)
        self.files, self.folders, self.made = set(), {""}, set()
        for folder, folders, files in os.walk(root):
            here = self.relative(folder)
            self.folders.update(os.path.join(here, name) for name in folders)
            self.files.update(os.path.join(here, name) for name in files)

    def relative(self, path):
        """The path below rootdir, "" for rootdir itself, None for a path elsewhere."""
        if path == self.root:
            return ""
        return path[len(self.root) + 1 :] if path.startswith(self.root + "/") else None

    def has(self, path):
        return path in self.files or path in self.folders

    def was_made(self, path):
        return path in self.made or any(folder in self.made for folder in above(path))


class Run:
    """What one run touched in a tree: kind -> paths, and the folders that the import system searched."""

    def __init__(self, tree, touches):
        self.tree, self.touched, self.searched = tree, {kind: set() for kind in KINDS}, set()
        self.imported, self.wrote, self.lists, self.searches = set(), set(), collections.Counter(), set()
        for kind, path in touches:
            relative = tree.relative(path)
            if relative is not None:
                self.take(kind, relative)
        self.find_searched()
        self.lists.update(self.searches - self.searched)
        tree.made.update(path for path in self.wrote if not tree.has(path))

    def take(self, kind, path):
        cached = CACHED.fullmatch(path)
        if kind == strace.WRITE:
            self.wrote.add(path)
        elif path in self.wrote:
            return
        elif cached:
            source = os.path.join(cached["folder"] or "", cached["name"] + ".py")
            if kind == strace.READ and source in self.tree.files:
                self.imported.add(source)
                self.touched["py"].add(source)
        elif not (TOOLS & set(path.split("/")) or "__pycache__" in path or path.endswith(".pyc") or ".ninja_" in path):
            self.put(kind, path)

    def put(self, kind, path):
        if kind == strace.LIST or (kind == strace.READ and path in self.tree.folders):
            self.lists[path] += 1
        elif kind == strace.SEARCH:
            self.searches.add(path)
        elif kind == strace.READ:
            self.touched["egg" if EGG.fullmatch(path) else "py" if path.endswith(".py") else "data"].add(path)
        else:
            self.touched[kind].add(path)

    def find_searched(self):
        for path in self.imported:
            folder = os.path.dirname(path)
            self.searched.add(folder)
            while folder and os.path.join(folder, "__init__.py") in self.tree.files:
                folder = os.path.dirname(folder)
                self.searched.add(folder)

    def by_import(self, path):
        init = INIT.fullmatch(path)
        package = init["package"] if init else path
        return path in self.searched or (package in self.tree.folders and os.path.dirname(package) in self.searched)

    def has_no_file(self, path):
        return NO_FILE.search(path) or re.sub(r"\W", "_", self.tree.root) in path

    def inputs(self, empty, rename):
        """The inputs, less what the empty file's run touched too; `rename` tells the name here of a path there."""
        files = self.tree.files
        known = {"py": files, "data": files, "egg": files}
        touched = {k: {p for p in paths if p in known.get(k, (p,))} for k, paths in self.touched.items()}
        touched["stat"] = {p for p in touched["stat"] if self.tree.has(p)}
        touched["absent"] = {p for p in touched["absent"] if not self.has_no_file(p) and not self.tree.was_made(p)}
        for kind in ("stat", "absent"):
            own = {rename(path) for path in empty.touched[kind]}
            touched[kind] = {p for p in touched[kind] if p not in own and not self.by_import(p)}
        touched["list"] = {p for p, n in self.lists.items() if n > empty.lists[p] and p in self.tree.folders}
        read = touched["py"] | touched["data"] | touched["egg"]
        touched["stat"] -= read | touched["list"] | {folder for path in read for folder in above(path)} | {""}
        return touched
