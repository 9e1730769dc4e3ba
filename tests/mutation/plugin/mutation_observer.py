"""A pytest plugin that tells what a plain run did, and nothing of testfan's: the independent oracle of the mutation test.

Environment: OBSERVE_OUTCOMES names a file that gets one JSON line per outcome, as it comes, so that a run that hangs leaves what it had.
OBSERVE_TRACE names one that gets, at the end, what was opened below OBSERVE_ROOT (and OBSERVE_ORIGINAL, where nothing should be), a .pyc counted
as its source, and the top-level names that first-party code imported, that anybody made Python search for, and that pytest had imported
before, beyond what the interpreter itself does. OBSERVE_LINES names one that gets the first-party lines that ran.
"""
import builtins
import json
import os
import subprocess
import sys
import threading

ROOT = os.environ.get("OBSERVE_ROOT", "") + "/"
ORIGINAL = os.environ.get("OBSERVE_ORIGINAL", "") + "/"
loaded = set(sys.modules)
reads, originals, imported, searched, lines = set(), set(), set(), set(), {}


def source_of(path):
    folder, file = os.path.split(path)
    if not file.endswith(".pyc"):
        return path
    if os.path.basename(folder) == "__pycache__":
        return os.path.join(os.path.dirname(folder), file.split(".")[0] + ".py")
    return path[:-1]


def on_event(event, args):
    if event == "open":
        path, mode, _ = args
        if isinstance(path, (str, bytes, os.PathLike)) and not (isinstance(mode, str) and mode.startswith(("w", "a", "x"))):
            path = source_of(os.path.abspath(os.fsdecode(path)))
            if path.startswith(ROOT):
                reads.add(path[len(ROOT):])
            elif path.startswith(ORIGINAL):
                originals.add(path)
    elif event == "import":
        searched.add(args[0].partition(".")[0])


def watch_imports():
    plain = builtins.__import__

    def noting(name, globals=None, locals=None, fromlist=(), level=0):
        if level == 0 and globals and str(globals.get("__file__")).startswith(ROOT):
            imported.add(name.partition(".")[0])
        return plain(name, globals, locals, fromlist, level)

    builtins.__import__ = noting
    sys.addaudithook(on_event)


def early():
    """What pytest imported before this plugin was loaded."""
    bare = subprocess.run([sys.executable, "-c", "import sys; print(*sys.modules)"], capture_output=True, text=True, check=True).stdout
    return {name.partition(".")[0] for name in loaded} - {name.partition(".")[0] for name in bare.split()}


def on_call(frame, event, arg):
    path = frame.f_code.co_filename
    if not path.startswith(ROOT):
        return None
    mine = lines.setdefault(path[len(ROOT):], set())

    def on_line(frame, event, arg):
        if event == "line":
            mine.add(frame.f_lineno)
        return on_line

    return on_line


def write_json(variable, value):
    with open(os.environ[variable], "w") as file:
        json.dump(value, file)


class Observer:
    def __init__(self):
        self.file = open(os.environ["OBSERVE_OUTCOMES"], "w")

    def put(self, *words):
        print(json.dumps(words), file=self.file, flush=True)

    def pytest_runtest_logreport(self, report):
        if report.when == "call" or report.outcome != "passed":
            self.put(report.nodeid, report.when, report.outcome + (" expectedly" if hasattr(report, "wasxfail") else ""))

    def pytest_runtest_logstart(self, nodeid):
        self.put(nodeid, "start", "")

    def pytest_runtest_logfinish(self, nodeid):
        self.put(nodeid, "finish", "")

    def pytest_collectreport(self, report):
        if report.outcome != "passed":
            self.put(report.nodeid, "collect", report.outcome)

    def pytest_collection_finish(self, session):
        for item in session.items:
            self.put(item.nodeid, "item", "")

    def pytest_sessionfinish(self, exitstatus):
        self.put("", "end", int(exitstatus))

    def pytest_unconfigure(self):
        sys.settrace(None)
        if "OBSERVE_TRACE" in os.environ:
            found = {"reads": reads, "originals": originals, "imported": imported, "searched": searched, "early": early()}
            write_json("OBSERVE_TRACE", {key: sorted(found[key]) for key in found})
        if "OBSERVE_LINES" in os.environ:
            write_json("OBSERVE_LINES", {path: sorted(numbers) for path, numbers in lines.items()})


def pytest_addoption(pluginmanager):
    if "OBSERVE_OUTCOMES" in os.environ:
        pluginmanager.register(Observer())


if "OBSERVE_TRACE" in os.environ:
    watch_imports()
if "OBSERVE_LINES" in os.environ:
    sys.settrace(on_call)
    threading.settrace(on_call)
