"""Runs one test file for Bazel: speaks Bazel's test protocol outwards, and starts testfan's worker as Ninja does.

    python -I -S testfan_bazel.py PARAMETERS [PYTEST_ARGS...]      in the workspace's folder of the runfiles

The process that Bazel starts does not run the tests. It waits for the one that does, so that there is a report, naming what
was running, even when the interpreter dies or time is up.

Runfiles are symbolic links, and behind them lies the source tree, where everything exists, declared or not, and nothing may
be written. So the tests run in a copy of what is declared, in TEST_TMPDIR: a test that resolves its own path, or writes
beside itself, finds what it would find on a remote machine.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from xml.sax.saxutils import escape, quoteattr

OUTPUT_IN_REPORT = 8000
NO_TESTS = 5


class Parameters:
    def __init__(self, path):
        self.args, self.folders, self.env, self.before = [], [], {}, []
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            for line in file.read().splitlines():
                key, value = line.split(" ", 1)
                if key == "arg":
                    self.args.append(value)
                elif key == "folder":
                    self.folders.append(value)
                elif key == "env":
                    name, text = value.split("=", 1)
                    self.env[name] = text
                elif key == "before":
                    self.before.append(value)
                elif key == "file":
                    self.file = value
                elif key == "target":
                    self.target = value


class Log:
    """What the worker noted: which tests ended how, which one was running, and how pytest ended."""

    def __init__(self, path):
        self.tests, self.running, self.finish = [], None, None
        try:
            with open(path, encoding="ascii") as file:
                lines = file.readlines()
        except FileNotFoundError:
            lines = []
        for line in lines:
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if event["e"] == "start":
                self.running = event["id"]
            elif event["e"] == "end":
                self.running = None
                self.tests.append(event)
            elif event["e"] == "finish":
                self.finish = event


def selection(filter_text, file):
    """--test_filter as node ids and pytest arguments; None when it means tests of another file."""
    if not filter_text:
        return [], []
    path, colons, names = filter_text.partition("::")
    if not colons:
        return [], ["-k", filter_text]
    if path and file != path and not file.endswith("/" + path):
        return None
    return [file + "::" + names], []


def crash_of(status, log, whole, timed_out):
    """What is wrong beyond failing tests, in one line; None when nothing is."""
    during = " while running " + log.running if log.running else ""
    if timed_out:
        limit = os.environ.get("TEST_TIMEOUT")
        return "timed out%s%s" % (" after %s s" % limit if limit else "", during)
    if status < 0:
        try:
            name = signal.Signals(-status).name
        except ValueError:
            name = "signal %d" % -status
        return "killed by %s%s" % (name, during)
    if log.finish is None:
        return "the interpreter ended with status %d%s" % (status, during or " before pytest had finished")
    if status != log.finish["exit"]:
        return "the interpreter ended with status %d after pytest had finished with %d" % (status, log.finish["exit"])
    if status > 2 and status != NO_TESTS:
        return "pytest ended with status %d" % status
    if not whole:
        return "pytest left no complete report"
    if status in (1, 2) and not log.finish["failed"]:
        return "pytest ended with status %d though no test failed" % status
    return None


def names_of(node):
    """classname and name, as pytest's own report has them for a node id."""
    bare, bracket, parameters = node.partition("[")
    parts = bare.split("::")
    parts[0] = re.sub(r"\.py$", "", parts[0].replace("/", "."))
    return (".".join(parts[:-1]), parts[-1] + bracket + parameters)


def clean(text):
    return re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", lambda m: "#x%02X" % ord(m.group()), text)


def case_xml(node, seconds, inside):
    classname, name = names_of(node)
    return "<testcase classname=%s name=%s time=\"%.3f\">%s</testcase>" % (
        quoteattr(clean(classname)), quoteattr(clean(name)), seconds, inside)


LOST = " message=\"its text was lost when the interpreter ended\"/>"
INSIDE = {
    "failed": "<failure" + LOST,
    "error": "<error" + LOST,
    "skipped": "<skipped/>",
    "xfailed": "<skipped type=\"pytest.xfail\"/>",
}


def crash_report(file, message, output, log, report):
    """The report of what ran, and an error beside it; pytest's own report is kept where it is whole."""
    error = "<error message=%s>%s</error>" % (quoteattr(clean(message)), escape(clean(output[-OUTPUT_IN_REPORT:])))
    last = case_xml(log.running or file, 0, error)
    end = "</testsuite></testsuites>"
    if report and report.rstrip().endswith(end):
        return report.rstrip()[: -len(end)] + last + end
    cases = [case_xml(t["id"], t["t"], INSIDE.get(t["o"], "")) for t in log.tests] + [last]
    head = "<?xml version=\"1.0\" encoding=\"utf-8\"?><testsuites name=\"pytest tests\"><testsuite name=\"pytest\" tests=\"%d\">"
    return head % len(cases) + "".join(cases) + end


def is_whole(report):
    return report.rstrip().endswith(("</testsuite></testsuites>", "/></testsuites>"))


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def write_report(text):
    path = os.environ.get("XML_OUTPUT_FILE")
    if not path:
        return
    with open(path + ".tmp", "w", encoding="utf-8", errors="replace") as file:
        file.write(text)
    os.replace(path + ".tmp", path)


def touch(variable):
    path = os.environ.get(variable)
    if path:
        with open(path, "w"):
            pass
    return path


def environment(parameters, tmp):
    """Bazel's, with temporary files where they may be written, and compiled ones nowhere: runfiles are inputs."""
    env = dict(os.environ)
    env["TEST_TMPDIR"] = os.path.dirname(tmp)
    env.setdefault("TMPDIR", env["TEST_TMPDIR"])
    env.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    seed = os.environ.get("TEST_RANDOM_SEED", "")
    if seed.isdigit():
        env.setdefault("PYTHONHASHSEED", seed)
    env.update(parameters.env)
    return env


def arguments(parameters, tmp, xml, log, given):
    """The worker's words, or None when the filter means other files."""
    chosen = selection(os.environ.get("TESTBRIDGE_TEST_ONLY"), parameters.file)
    if chosen is None:
        return None
    nodes, filtered = chosen
    words = [parameters.file, log, "", "0", "", ",".join(parameters.before), ""] + nodes + ["--"] + parameters.args + filtered + given
    if int(os.environ.get("TEST_TOTAL_SHARDS") or 1) > 1:
        words += ["-p", "testfan_shard"]
    return words + [
        "--rootdir=" + os.path.join(tmp, "workspace"),
        "-o", "cache_dir=" + os.path.join(tmp, "cache"),
        "--basetemp=" + os.path.join(tmp, "basetemp"),
        "--junitxml=" + xml,
    ]


class Child:
    """The process that runs pytest; its output goes to ours and its end is kept for the report."""

    def __init__(self, words, env, folder):
        self.timed_out = False
        self.process = subprocess.Popen(
            words, env=env, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.stop)

    def stop(self, number, frame):
        self.timed_out = True
        self.kill()

    def kill(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def wait(self):
        kept = b""
        pipe = self.process.stdout.fileno()
        while self.process.poll() is None:
            kept = self.copy(pipe, kept, 0.05)
        self.kill()
        return self.process.returncode, self.copy(pipe, kept, 0).decode("utf-8", "replace")

    def copy(self, pipe, kept, patience):
        """Copies what there is; a process that outlives the tests may hold the pipe open."""
        import select

        while select.select([pipe], [], [], patience)[0]:
            data = os.read(pipe, 65536)
            if not data:
                time.sleep(patience)
                break
            os.write(1, data)
            kept = (kept + data)[-4 * OUTPUT_IN_REPORT:]
        return kept


def run(parameters, given, tmp):
    xml, noted = os.path.join(tmp, "report.xml"), os.path.join(tmp, "worker.log")
    words = arguments(parameters, tmp, xml, noted, given)
    if words is None:
        write_report("<?xml version=\"1.0\" encoding=\"utf-8\"?><testsuites name=\"pytest tests\"><testsuite name=\"pytest\" tests=\"0\"/></testsuites>")
        return 0
    workspace = os.path.join(tmp, "workspace")
    shutil.copytree(os.getcwd(), workspace)
    inner = [sys.executable, os.path.join(workspace, sys.argv[0]), "--child", source_folder(), os.path.dirname(os.getcwd())]
    child = Child(inner + [os.pathsep.join(parameters.folders)] + words, environment(parameters, tmp), workspace)
    status, output = child.wait()
    log, report = Log(noted), read(xml)
    crash = crash_of(status, log, is_whole(report), child.timed_out)
    if crash:
        print("FAILED %s: %s" % (parameters.file, crash), flush=True)
        report = crash_report(parameters.file, crash, output, log, report if is_whole(report) else "")
    write_report(report)
    return 1 if crash else 0 if status == NO_TESTS and not log.finish["failed"] else status


def main():
    premature = touch("TEST_PREMATURE_EXIT_FILE")
    touch("TEST_SHARD_STATUS_FILE")
    parameters = Parameters(sys.argv[1])
    # Where a farm's sandbox is the whole file system, its paths begin with two slashes.
    base = os.path.realpath("/" + (os.environ.get("TEST_TMPDIR") or tempfile.gettempdir()).lstrip("/"))
    os.makedirs(base, exist_ok=True)
    tmp = tempfile.mkdtemp(prefix="pytest-", dir=base)
    status = run(parameters, sys.argv[2:], tmp)
    shutil.rmtree(tmp, ignore_errors=True)
    if premature:
        os.unlink(premature)
    sys.exit(status)


def below(path, folder):
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def source_folder():
    """The source tree that the runfiles are links to, or nothing where they are files."""
    real = os.path.realpath(sys.argv[0])
    inner = os.sep + os.path.normpath(sys.argv[0])
    return real[: -len(inner)] if real.endswith(inner) else ""


def drop_source(source):
    """Takes out of sys.path, and of editable installs' finders, what lies in the source tree and in no environment there."""
    inside = [os.path.realpath(p) for p in (sys.prefix, sys.base_prefix)]
    inside = [p for p in inside if below(p, source) and p != source]

    def foreign(path):
        real = os.path.realpath(path)
        return not below(real, source) or any(below(real, p) for p in inside)

    sys.path[1:] = [p for p in sys.path[1:] if foreign(p)]
    for name, module in list(sys.modules.items()):
        mapping = getattr(module, "MAPPING", None)
        if name.startswith("__editable__") and isinstance(mapping, dict):
            for key in [k for k, place in mapping.items() if not foreign(place)]:
                del mapping[key]


def child():
    import runpy

    source, runfiles = sys.argv[2:4]
    folders = [os.path.join(os.getcwd(), f) for f in sys.argv[4].split(os.pathsep) if f]
    here = os.path.dirname(os.path.abspath(sys.argv[0]))
    if getattr(sys.flags, "safe_path", False):
        sys.path.insert(0, os.getcwd())
    sys.path[0] = os.getcwd()
    if source:
        drop_source(source)
    packages = [os.path.join(runfiles, name, "site-packages") for name in sorted(os.listdir(runfiles))]
    sys.path += folders + [p for p in packages if os.path.isdir(p)]
    if "testfan_shard" in sys.argv:
        sys.modules["testfan_shard"] = load(os.path.join(here, "testfan_shard.py"))
    worker = os.path.join(here, "testfan_worker.py")
    if os.environ.get("TEST_RANDOM_SEED") and installed("pytest_randomly"):
        sys.argv.append("--randomly-seed=" + os.environ["TEST_RANDOM_SEED"])
    sys.argv[0:5] = [worker]
    runpy.run_path(worker, run_name="__main__")


def installed(name):
    from importlib.util import find_spec

    return find_spec(name) is not None


def load(path):
    import types

    module = types.ModuleType("testfan_shard", "PYTEST_DONT_REWRITE")
    with open(path, encoding="utf-8") as file:
        exec(compile(file.read(), path, "exec"), module.__dict__)
    return module


if __name__ == "__main__":
    child() if sys.argv[1:2] == ["--child"] else main()
