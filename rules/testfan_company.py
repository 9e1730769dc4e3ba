"""Runs test files as one plain pytest run would, among all others, to see what running each by itself changes.

    python testfan_company.py LOG FILE[,FILE...] MODULE[,MODULE...] all|alone -- PYTEST_ARGS

`all` collects the whole suite and runs only the items of FILEs; `alone` collects FILE alone, with MODULEs imported before.
LOG gets lines of JSON: the ids collected by file, the modules that were loaded when the first test began, and for each FILE
that ran whether it passed.

PYTEST_DONT_REWRITE
"""
import collections
import importlib
import json
import os
import runpy
import sys
import types


class Company:
    def __init__(self, log, files, modules, alone):
        self.log, self.files, self.modules, self.alone = log, files, modules, alone
        self.passed = {}
        self.at_start = None

    def write(self, **line):
        with open(self.log, "a", encoding="utf-8", errors="surrogateescape") as file:
            file.write(json.dumps(line) + "\n")

    def name(self, item):
        return os.path.relpath(str(item.path), os.getcwd())

    def pytest_collection(self, session):
        if self.alone:
            session.config.args = list(self.files)
        for module in self.modules:
            try:
                importlib.import_module(module)
            except BaseException:
                pass

    def pytest_collection_modifyitems(self, items):
        ids = collections.defaultdict(list)
        for item in items:
            ids[self.name(item)].append(item.nodeid)
        for file, found in ids.items():
            self.write(file=file, ids=found)
        items[:] = [item for item in items if self.name(item) in self.files]

    def pytest_runtest_logstart(self):
        if self.at_start is None:
            self.at_start = list(sys.modules)
            self.write(modules=self.at_start)

    def pytest_runtest_logreport(self, report):
        file = os.path.relpath(os.path.join(os.getcwd(), report.nodeid.split("::")[0]), os.getcwd())
        self.passed[file] = self.passed.get(file, True) and not report.failed

    def pytest_collectreport(self, report):
        file = report.nodeid.split("::")[0]
        if report.failed and file in self.files:
            self.passed[file] = False

    def pytest_sessionfinish(self):
        for file, passed in self.passed.items():
            self.write(file=file, passed=passed)


def main():
    words = sys.argv[1:]
    split = words.index("--")
    log, files, modules, mode = words[:split]
    sys.path[0] = os.getcwd()
    import pytest

    company = Company(log, files.split(",") if files else [], modules.split(",") if modules else [], mode == "alone")
    plugin = types.ModuleType("testfan_company", __doc__)
    for name in dir(Company):
        if name.startswith("pytest_"):
            pytest.hookimpl(trylast=name.endswith("modifyitems"), tryfirst=name == "pytest_collection")(getattr(Company, name))
            setattr(plugin, name, getattr(company, name))
    sys.modules["testfan_company"] = plugin
    sys.argv[1:] = ["-p", "testfan_company", "-p", "no:cacheprovider", "-p", "no:randomly"] + words[split + 1 :]
    runpy.run_module("pytest", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
