"""What testfan says that a test file depends on, and what of the oracle's inputs that leaves out.

An input is covered when testfan's dependencies of the file have it: a file by its path, a listing by the folder's path with a '/' at the end. A
file that was only looked at is covered by its folder's listing too, a folder by anything below it, and a path that was looked for in vain by
the listing of the nearest folder above it that is there: what appears or goes changes that listing. `testfan learn` adds what a traced run
saw, the looks among it.
"""
import json
import os

import inputs


class Trouble(Exception):
    """A run gave nothing that could be compared."""


def listing(folder):
    """How `testfan deps` names the listing of a folder; the rootdir is "" here."""
    return (folder or ".") + "/"


class Edges:
    """testfan in one copy of a project; `selection` are the words that select the test files compared, none for all."""

    def __init__(self, copy, selection=()):
        self.copy = copy
        self.selection = selection
        self.tree = inputs.Tree(copy.path)
        self.learned = {}

    def closure(self, file):
        return set(self.copy.testfan("deps", file, check=0).stdout.splitlines())

    def listed(self, path, closure):
        """Is the listing of the nearest folder above `path` among the dependencies?"""
        folder = os.path.dirname(path)
        while folder not in self.tree.folders:
            folder = os.path.dirname(folder)
        return listing(folder) in closure

    def covers(self, kind, path, closure, looks):
        if path in closure or listing(path) in closure:
            return True
        if kind == "stat" and any(other.startswith(path + "/") for other in closure):
            return True
        return kind in ("stat", "absent") and (path in looks or self.listed(path, closure))

    def compare(self, files, seen):
        missed, unused = {kind: [] for kind in inputs.KINDS}, []
        pairs = 0
        for file in files:
            closure = self.closure(file)
            learned = self.learned.get(file, {})
            looks = {*learned.get("absent", ()), *learned.get("stats", ())}
            for kind, paths in seen[file].items():
                missed[kind] += [(file, path) for path in sorted(paths) if not self.covers(kind, path, closure, looks)]
            modules = {path for path in closure if path.endswith(".py") and path != file}
            pairs += len(modules)
            unused += [(file, path) for path in sorted(modules - seen[file]["py"])]
        return {"missed": missed, "unused": len(unused), "pairs": pairs, "unused_pairs": unused}

    def test(self):
        done = self.copy.testfan("test", *self.selection, timeout=1800)
        if done.returncode not in (0, 1):
            raise Trouble(f"testfan test gave {done.returncode}\n{done.stdout}{done.stderr}")

    def learn(self):
        self.copy.testfan("learn", *self.selection, check=0, timeout=1800)
        self.learned = json.loads((self.copy.path / "testfan.learned.json").read_text())["targets"]

    def audit(self, files):
        """testfan's own count, for the same files."""
        told = json.loads(self.copy.testfan("audit", "--format", "json", *self.selection, timeout=1800).stdout)
        mine = [target for target in told["targets"] if target["file"] in files]
        return {key: sum(len(target.get(key, ())) for target in mine) for key in ("missed", "unused")}
