"""Runs pytest --collect-only in many folders, a fork for each, and prints what it decided as JSON.

Standard input: {"folders": [...], "args": [...]}. Standard output: one JSON list, in the same order.
"""

import json
import os
import sys

import pytest
from _pytest.doctest import DoctestModule, DoctestTextfile

LISTS = ["testpaths", "python_files", "python_classes", "python_functions", "norecursedirs", "addopts", "pythonpath"]


def shown(path):
    """The escape of dump_config: everything but ASCII, and the backslash, as \\xNN."""
    return "".join(chr(b) if b < 0x80 and b != 0x5C else f"\\x{b:02x}" for b in os.fsencode(path))


class Recorder:
    def __init__(self):
        self.seen = {}

    def pytest_configure(self, config):
        def ini(name, default=None):
            try:
                return config.getini(name)
            except (KeyError, ValueError):  # not known to this version
                return default

        self.seen.update({name: [shown(v) for v in ini(name, [])] for name in LISTS})
        self.seen["rootdir"] = shown(config.rootpath)
        self.seen["inipath"] = config.inipath and shown(config.inipath)
        self.seen["cache_dir"] = shown(ini("cache_dir", ".pytest_cache"))
        self.seen["namespace_packages"] = ini("consider_namespace_packages", False)
        self.seen.update(tests=[], doctests=[], texts=[])
        self.root = config.rootpath

    def pytest_collectstart(self, collector):
        kind = {pytest.Module: "tests", DoctestModule: "doctests", DoctestTextfile: "texts"}.get(type(collector))
        if kind:
            path = shown(os.path.relpath(collector.path, self.root))
            if path not in self.seen[kind]:
                self.seen[kind].append(path)


def collect(folder, args, out):
    os.chdir(folder)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    if not os.environ.get("ORACLE_DEBUG"):
        os.dup2(null, 2)
    recorder = Recorder()
    status = pytest.main(["--collect-only", "-q", *args], plugins=[recorder])
    recorder.seen["status"] = int(status)
    with os.fdopen(out, "w") as f:
        json.dump(recorder.seen, f)


def main():
    job = json.load(sys.stdin)
    results = []
    for folder in job["folders"]:
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                collect(folder, job["args"], write)
            finally:
                os._exit(0)
        os.close(write)
        with os.fdopen(read) as f:
            text = f.read()
        os.waitpid(pid, 0)
        results.append(json.loads(text) if text else {"status": -1})
    json.dump(results, sys.stdout)


main()
