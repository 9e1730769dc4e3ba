"""Runs one test file exactly as `python -m pytest` in this folder runs it among all others.

    python testfan_worker.py TARGET LOG TRACE LIMIT TIMED BEFORE SHARD [NODEID...] -- PYTEST_ARGS

pytest is started with the arguments of the whole suite, so that its rootdir, its first conftest files and its options are
those of a plain run. Only what is collected is narrowed to TARGET, by a plugin that also writes LOG: a line of JSON, written
at once, for each test that starts and ends, so that a crash leaves a trace of what was running, and one when pytest is done. TRACE is where testfan_trace.py notes what the run reads, or empty.
A test that takes longer than LIMIT seconds (0: none) ends the interpreter, with the stacks of all threads on its standard error.
Where TIMED is not empty, the signal TIME_IS_UP does the same, whatever hangs.
BEFORE names modules, between commas, that are imported before the file: it leans on them.
SHARD is empty, or I/N: of N parts of the file (testfan_shard.py) the I-th is run.

PYTEST_DONT_REWRITE
"""
import os
import sys

# As `python -m pytest` has it, and before anything of the tree could be hidden by what is imported here.
if __name__ == "__main__" and not getattr(sys.flags, "safe_path", False):
    sys.path[0] = os.getcwd()

import faulthandler
import functools
import importlib
import json
import runpy
import time
import types

ROOT = os.getcwd()
TIME_IS_UP = 63  # as gen/run/child.c has it
HIGH_FD = 200  # as gen/run/server.c has it
WRAPPERS = ("pytest_fixture_setup", "pytest_collect_directory", "pytest_collect_file")


class Entry:
    """What pytest asks of an os.DirEntry."""

    def __init__(self, path):
        self.path, self.name = path, os.path.basename(path)

    def is_dir(self):
        return os.path.isdir(self.path)

    def is_file(self):
        return os.path.isfile(self.path)


class TargetPlugin:
    # Taken before a test can replace them: a fixture may patch `os` for a whole session.
    getpid, open, write_to, close, clock = map(staticmethod, (os.getpid, os.open, os.write, os.close, time.perf_counter))

    def __init__(self, target, log, nodes, tracer, limit, before=(), shard=""):
        self.tracer, self.before, self.shard = tracer, before, shard
        self.limit = limit
        self.stderr = getattr(self, "stderr", None)
        self.costs = getattr(self, "costs", {})  # fixture of a session or package -> seconds that setting it up took
        self.fixtures = set()  # names of fixtures that are used
        self.pid = self.getpid()
        self.target = os.path.join(ROOT, target)
        self.log = os.path.abspath(log)
        self.nodes = nodes
        self.needs_init = False
        self.reached = bool(nodes)
        self.made = {}  # file -> what hooks made of it: collectors, whatever their paths are, or tests
        self.collected = self.deselected = self.skipped = self.failed = 0
        self.outcome = None
        self.seconds = 0.0
        self.session = None

    # The file is opened anew each time, for a test may close every descriptor; it may also leave none to be had.
    def write(self, **event):
        if self.getpid() != self.pid:
            return
        try:
            fd = self.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        except OSError:
            return
        self.write_to(fd, (json.dumps(event) + "\n").encode("ascii"))
        self.close(fd)

    def leads_to_target(self, path):
        return self.target == path or self.target.startswith(path.rstrip(os.sep) + os.sep)

    # What pytest remembers between runs (--lf, --nf, --sw) is kept once for the whole run, not by each target.
    def pytest_configure(self, config):
        for name in ("lfplugin", "nfplugin", "stepwiseplugin"):
            plugin = config.pluginmanager.get_plugin(name)
            if plugin is not None:
                config.pluginmanager.unregister(plugin)
        name_report(config)

    def pytest_collection(self, session):
        if self.tracer is not None:
            self.tracer.searching = False
        for module in self.before:
            try:
                importlib.import_module(module)
            except ImportError:
                pass
        config = session.config
        self.needs_init = not hasattr(sys.modules["pytest"], "Directory")
        if not self.needs_init:
            self.narrow_folders()
        if self.nodes:
            config.args = list(self.nodes)
            return
        base = str(config.invocation_params.dir)
        above = [a for a in config.args if self.leads_to_target(os.path.normpath(os.path.join(base, a)))]
        config.args = above or [self.target]

    def narrow_folders(self):
        """What pytest_ignore_collect says of each name in a folder, said without looking at them all: there may be thousands."""
        for name in "_pytest.main", "_pytest.python":
            module = sys.modules[name]
            if hasattr(module, "scandir") and not isinstance(module.scandir, functools.partial):
                module.scandir = functools.partial(self.find_entries, module.scandir)

    def find_entries(self, scandir, path, *words):
        if self.nodes:
            return scandir(path, *words)
        folder = os.path.join(os.fspath(path), "")
        if not self.target.startswith(folder):
            return []
        return [Entry(folder + self.target[len(folder) :].partition(os.sep)[0])]

    # pytest 7 makes a package of a folder only when it may look at the folder's __init__.py.
    def pytest_ignore_collect(self, collection_path):
        path = str(collection_path)
        if self.nodes or self.leads_to_target(path):
            return None
        folder, name = os.path.split(path)
        if self.needs_init and name == "__init__.py" and self.leads_to_target(folder):
            return None
        return True

    def pytest_collect_file(self, file_path):
        made = yield
        self.reached = self.reached or str(file_path) == self.target
        for nodes in made.get_result() if made.excinfo is None else ():
            self.made.setdefault(str(file_path), []).extend(nodes if isinstance(nodes, list) else [nodes])

    def belongs(self, item):
        return str(item.path) == self.target or not set(self.made.get(self.target, ())).isdisjoint(item.listchain())

    def pytest_collectreport(self, report):
        self.skipped += report.skipped
        self.failed += report.failed

    def pytest_collection_modifyitems(self, config, items):
        if not self.nodes:
            items[:] = filter(self.belongs, items)
        if len(self.made.get(self.target, ())) > 1:  # one of them may have failed: plain pytest runs the others
            config.option.continue_on_collection_errors = True
        self.collected = len(items)
        if self.shard:
            items[:] = keep_shard(items, self.shard)
        for item in items:
            self.fixtures.update(getattr(item, "fixturenames", ()))

    def pytest_deselected(self, items):
        self.deselected += len(items)

    def pytest_fixture_setup(self, fixturedef):
        started = self.clock()
        yield
        if fixturedef.scope in ("session", "package"):
            self.costs[fixturedef] = self.clock() - started
            self.fixtures.add(fixturedef.argname)

    def setup_cost(self):
        """Seconds that the fixtures of the session and of packages which the file uses took to be set up, for whichever file that was."""
        return sum(seconds for fixture, seconds in self.costs.items() if fixture.argname in self.fixtures)

    def keep_stderr(self):
        """As it is now, whatever is put in its place."""
        if self.stderr is None:
            from fcntl import F_DUPFD_CLOEXEC, fcntl

            try:
                self.stderr = fcntl(2, F_DUPFD_CLOEXEC, HIGH_FD)
            except OSError:  # so many are not allowed
                self.stderr = os.dup(2)

    def heed_time(self):
        self.keep_stderr()
        faulthandler.register(TIME_IS_UP, file=self.stderr, chain=True)

    def pytest_runtest_logstart(self, nodeid):
        self.outcome = None
        self.seconds = 0.0
        self.write(e="start", id=nodeid)
        if self.limit:
            self.keep_stderr()
            faulthandler.dump_traceback_later(self.limit, exit=True, file=self.stderr)

    def pytest_runtest_logreport(self, report):
        self.seconds += report.duration
        expected = hasattr(report, "wasxfail")
        if report.failed:
            self.failed += 1
            self.outcome = "failed" if report.when == "call" else "error"
        elif report.skipped:
            self.outcome = self.outcome or ("xfailed" if expected else "skipped")
        elif report.when == "call":
            self.outcome = self.outcome or ("xpassed" if expected else "passed")

    def pytest_runtest_logfinish(self, nodeid):
        if self.limit:
            faulthandler.cancel_dump_traceback_later()
        self.write(e="end", id=nodeid, o=self.outcome or "passed", t=round(self.seconds, 6))

    def pytest_sessionfinish(self, session):
        self.session = session

    # By now every other plugin has had its say about the exit status.
    def pytest_unconfigure(self):
        if self.tracer is not None:
            self.tracer.flush()
        if self.session is not None:
            self.finish(int(self.session.exitstatus))

    def finish(self, status, **more):
        self.write(
            e="finish",
            exit=status,
            collected=self.collected,
            deselected=self.deselected,
            skipped=self.skipped,
            failed=self.failed,
            ignored=not self.reached,
            made=len(self.made.get(self.target, ())),
            traced=self.tracer is not None and not self.tracer.pending,
            setup=round(self.setup_cost(), 3),
            **more,
        )


def name_report(config):
    """Where it is to lie, to the letter: pytest takes `$HOME` in the name of a folder for a variable. Returns it, or None."""
    from _pytest.junitxml import xml_key

    report = config.stash.get(xml_key, None)
    if report is not None:
        report.logfile = os.path.normpath(os.path.join(ROOT, config.option.xmlpath))
    return report


def import_rule(name):
    """A module that lies beside this one, and that nobody else is to see."""
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    module = importlib.import_module(name)
    del sys.path[0], sys.modules[name]
    return module


def keep_shard(items, shard):
    rule = import_rule("testfan_shard")
    index, total = map(int, shard.split("/"))
    file = os.path.relpath(str(items[0].path), ROOT) if items else ""
    return rule.keep(items, index - 1, total, rule.read_times(file, ROOT))


def as_module(plugin):
    """The plugin as a module that pytest's `-p` finds without importing it, and does not ask to rewrite."""
    import pytest

    kind = type(plugin)
    module = types.ModuleType("testfan_target", __doc__)
    for name in dir(kind):
        if name.startswith("pytest_"):
            last = name in ("pytest_unconfigure", "pytest_configure")
            pytest.hookimpl(tryfirst=not last, trylast=last, hookwrapper=name in WRAPPERS, optionalhook=name in WRAPPERS)(getattr(kind, name))
            setattr(module, name, getattr(plugin, name))
    return module


def read_sites():
    """The folders of distributions."""
    try:
        with open(os.path.join(".testfan", "cache", "sites"), encoding="utf-8", errors="surrogateescape") as file:
            return [line[5:-1] for line in file if line.startswith("site ")]
    except FileNotFoundError:  # somebody cleared the cache: distributions go unwatched once
        return []


def start_trace(log, sites):
    import atexit

    testfan_trace = import_rule("testfan_trace")
    child = os.path.join(os.path.dirname(os.path.abspath(__file__)), "child")
    tracer = testfan_trace.start(log, os.getcwd(), sites, child)
    atexit.register(tracer.flush)
    tracer.searching = True
    return tracer


def tell_arguments(args):
    """What a program sees that was started as `python -m pytest ARGS`."""
    sys.argv[1:] = ["-p", "testfan_target"] + args
    if hasattr(sys, "orig_argv"):
        sys.orig_argv = [sys.executable, "-m", "pytest"] + sys.argv[1:]


def run_pytest(plugin, args):
    try:
        sys.modules["testfan_target"] = as_module(plugin)
    except ImportError as error:
        sys.exit("%s: %s" % (sys.executable, error))
    tell_arguments(args)
    runpy.run_module("pytest", run_name="__main__", alter_sys=True)


def main():
    words = sys.argv[1:]
    split = words.index("--")
    target, log, trace, limit, timed, before, shard, *nodes = words[:split]
    tracer = start_trace(trace, read_sites()) if trace and hasattr(sys, "addaudithook") else None
    plugin = TargetPlugin(target, log, nodes, tracer, float(limit), before.split(",") if before else [], shard)
    if timed:
        plugin.heed_time()
    run_pytest(plugin, words[split + 1 :])


if __name__ == "__main__":
    main()
