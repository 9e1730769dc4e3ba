"""What the end-to-end tests share: the binary, trees made on the fly, copies of real projects, reports as multisets."""
import collections
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

import pytest

# Where the suite runs under nohup or in the background, what it starts is to die of these all the same.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("TESTFAN_BUILD", ROOT / "build"))
PROJECTS = pathlib.Path(os.environ.get("TESTFAN_PROJECTS", ROOT / ".deps/projects"))
KNOWN = json.loads((ROOT / "tests/projects/projects.json").read_text())
NAMES = sorted(name for name in KNOWN if not KNOWN[name].get("large"))
RULES = [p.name for p in (ROOT / "rules").glob("testfan_*.py")]
# TESTFAN_PYTHONS=DIR/bin/python:… runs all this with other versions of Python and pytest as well.
PYTHONS = [sys.executable] + [p for p in os.environ.get("TESTFAN_PYTHONS", "").split(":") if p]
NINJAS = [n for n in ("/usr/bin/ninja", str(pathlib.Path(sys.executable).parent / "ninja")) if os.path.exists(n)]


def read_report(path):
    """The multiset of (classname, name, outcome) of a JUnit report."""
    cases = collections.Counter()
    for case in ElementTree.parse(path).iter("testcase"):
        outcome = next((c.tag for c in case if c.tag in ("failure", "error", "skipped")), "passed")
        cases[case.get("classname"), case.get("name"), outcome] += 1
    return cases


def read_cases(path):
    """The same with all attributes but the time."""
    found = collections.Counter()
    for case in ElementTree.parse(path).iter("testcase"):
        names = {k: v for k, v in case.attrib.items() if k != "time"}
        found[json.dumps(names, sort_keys=True), *(c.tag for c in case)] += 1
    return found


class Tree:
    """A folder with tests in it, and the commands run there."""

    def __init__(self, path, python=sys.executable, ninja=None):
        self.path = path
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "TESTFAN_", "NINJA"))}
        self.env.update(PYTHONDONTWRITEBYTECODE="", LC_ALL="C.UTF-8")
        self.env.pop("VIRTUAL_ENV", None)
        self.env.pop("PYTHONDONTWRITEBYTECODE")
        self.env.pop("PYTHONUNBUFFERED", None)
        self.python = str(python)
        self.ninja_program = ninja or NINJAS[0]
        self.env["NINJA"] = self.ninja_program

    def write(self, files):
        for name, text in files.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return self

    def starts(self, *files):
        """Has the files start in this order, by the times of a run that never was."""
        times = {file: len(files) - i for i, file in enumerate(files)}
        return self.write({".testfan/times.json": json.dumps({"version": 1, "targets": times})})

    def run(self, *words, cwd=None, check=None, timeout=300, **env):
        done = subprocess.run(
            [str(w) for w in words],
            cwd=cwd or self.path,
            env={**self.env, **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=timeout,
        )
        if check is not None:
            assert done.returncode == check, f"{words} gave {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def testfan(self, command, *words, **kw):
        return self.run(BUILD / "testfan", command, "--python", self.python, *words, **kw)

    def ninja(self, *words, **kw):
        return self.run(self.ninja_program, *words, **kw)

    def pytest(self, *words, **kw):
        return self.run(self.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words, **kw)

    def report(self, name=".testfan/report.xml"):
        return read_report(self.path / name)

    def plain(self, *words):
        """The report of a plain pytest run of the same tree."""
        out = self.path.parent / "plain.xml"
        self.pytest("--continue-on-collection-errors", f"--junitxml={out}", *words)
        return read_report(out)

    def ran(self, run):
        """Runs something and tells which test files ran meanwhile."""
        results = self.path / ".testfan/results"
        before = {p: (p.stat().st_ino, p.stat().st_mtime_ns) for p in results.rglob("*.xml")}
        done = run()
        now = {p: (p.stat().st_ino, p.stat().st_mtime_ns) for p in results.rglob("*.xml")}
        return done, sorted(str(p.relative_to(results))[:-4] for p, stat in now.items() if before.get(p) != stat)


def make_tree(tmp_path):
    """An empty one."""
    (tmp_path / "tree").mkdir()
    return Tree(tmp_path / "tree")


@pytest.fixture(params=NINJAS, ids=["ninja" if n.startswith("/usr") else "ninja-pypi" for n in NINJAS])
def tree(request, tmp_path):
    path = tmp_path / "tree"
    path.mkdir()
    return Tree(path, ninja=request.param)


class Folder(Tree):
    """Where pytest would be started, with what gen puts there for exec."""

    def __init__(self, path, python, warm=False):
        super().__init__(path, python)
        rules = path / ".testfan/rules"
        rules.mkdir(parents=True)
        for name in RULES:
            shutil.copy(ROOT / "rules" / name, rules)
        self.warm = warm
        self.results = path / ".testfan/results"
        version = self.run(python, "-c", "import pytest; print(pytest.__version__)", check=0).stdout
        self.pytest_major = int(version.split(".")[0])

    def words(self, file, *, expect=None, args=(), python=None, **settings):
        run = {"version": 1, "worker": ".testfan/rules/testfan_worker.py", "args": ["-o", "addopts=", *args]}
        if self.warm:
            run["server"] = ".testfan/rules/testfan_server.py"
        run.update({"filtered": False, "nodes": {}, "maxfail": 0, "timeout": 0}, **settings)
        (self.path / ".testfan/run.json").write_text(json.dumps(run))
        name = self.results / file
        expected = [] if expect is None else [f"--expect={expect}"]
        return [
            str(BUILD / "testfan"), "exec", "run", f"--python={python or self.python}",
            "--run=.testfan/run.json", "--digest=abc", *expected, file, f"{name}.xml", f"{name}.ok",
        ]

    def exec(self, file="test_a.py", *, env={}, **kw):
        return self.run(*self.words(file, **kw), check=0, timeout=60, **env)

    def passed(self, file="test_a.py"):
        return (self.results / f"{file}.ok").exists()

    def text(self, file="test_a.py", suffix="xml"):
        return (self.results / f"{file}.{suffix}").read_text()

    def outcomes(self, file="test_a.py"):
        cases = read_report(self.results / f"{file}.xml")
        return sorted((str(name), outcome) for _, name, outcome in cases.elements())

    def errors(self, file="test_a.py"):
        root = ElementTree.fromstring(self.text(file))
        return [e.get("message") + "\n" + (e.text or "") for e in root.iter("error")]


@pytest.fixture(params=[(p, warm) for p in PYTHONS for warm in (False, True)], ids=lambda p: "warm" if p[1] else "cold")
def folder(request, tmp_path):
    path = tmp_path / "tree"
    path.mkdir()
    return Folder(path, *request.param)


def processes(path):
    """The pids and words of the processes that work below a folder."""
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").resolve().is_relative_to(path):
                yield int(entry.name), (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            pass


def servers(path):
    """The fork servers of the trees below a folder."""
    return [pid for pid, words in processes(path) if words[1:2] and words[1].endswith("testfan_server.py")]


def keepers(path):
    """Their parents."""
    return [pid for pid, words in processes(path) if words[1:3] == ["exec", "keep"]]


def lasting(path):
    """Of these, those that are nobody's child: a child of a server has the server's words."""
    found = servers(path)
    return [pid for pid in found if parent_of(pid) not in found]


def parent_of(pid):
    try:
        return int((pathlib.Path("/proc") / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()[1])
    except OSError:
        return None


def wait_until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def end_servers(path):
    for pid in servers(path):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


@pytest.fixture(autouse=True)
def _no_server_stays(request):
    path = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else None
    yield
    if path:
        end_servers(path)


def clone_environment(name, source, venv):
    """A virtual environment with the project's dependencies in which the copy at `source` comes before the original."""
    subprocess.run([PROJECTS / f"venv-{name}/bin/python", "-m", "venv", "--without-pip", venv], check=True)
    site = next(venv.glob("lib/python*/site-packages"))
    base = next((PROJECTS / f"venv-{name}").glob("lib/python*/site-packages"))
    root = source / "src" if (source / "src").is_dir() else source
    (site / "copy.pth").write_text(f"{root}\nimport site; site.addsitedir({str(base)!r})\n")
    package = {"jinja2": "jinja2"}.get(name, name)
    where = subprocess.run(
        [venv / "bin/python", "-c", f"import {package}; print({package}.__file__)"],
        cwd="/", check=True, capture_output=True, text=True,
    ).stdout
    assert where.startswith(str(source)), f"the tests would import {where}"
    return venv / "bin/python"


def copy_project(name, tmp_path):
    if not (PROJECTS / f"{name}.done").exists():
        pytest.fail(f"{name} is not fetched: make projects")
    source = tmp_path / name
    shutil.copytree(PROJECTS / name, source, symlinks=True, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))
    return Tree(source, clone_environment(name, source, tmp_path / "venv"))


@pytest.fixture
def project(tmp_path):
    return lambda name: copy_project(name, tmp_path)
