"""`testfan exec run` by itself: the files it leaves, and that pytest sees a target as it does in a plain run."""
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

import conftest
import pytest

# TESTFAN_PYTHONS=DIR/bin/python:… runs all this with other versions of Python and pytest as well.
PYTHONS = [sys.executable] + [p for p in os.environ.get("TESTFAN_PYTHONS", "").split(":") if p]
PASS = "def test_a():\n    pass\n"
FAIL = "def test_a():\n    assert 0\n"


class Folder(conftest.Tree):
    """Where pytest would be started, with what gen puts there for exec."""

    def __init__(self, path, python, warm=False):
        super().__init__(path, python)
        rules = path / ".testfan/rules"
        rules.mkdir(parents=True)
        for name in conftest.RULES:
            shutil.copy(conftest.ROOT / "rules" / name, rules)
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
            str(conftest.BUILD / "testfan"), "exec", "run", f"--python={python or self.python}",
            "--run=.testfan/run.json", "--digest=abc", *expected, file, f"{name}.xml", f"{name}.ok",
        ]

    def exec(self, file="test_a.py", *, env={}, **kw):
        return self.run(*self.words(file, **kw), check=0, timeout=60, **env)

    def passed(self, file="test_a.py"):
        return (self.results / f"{file}.ok").exists()

    def text(self, file="test_a.py", suffix="xml"):
        return (self.results / f"{file}.{suffix}").read_text()

    def outcomes(self, file="test_a.py"):
        cases = conftest.read_report(self.results / f"{file}.xml")
        return sorted((str(name), outcome) for _, name, outcome in cases.elements())

    def errors(self, file="test_a.py"):
        root = ElementTree.fromstring(self.text(file))
        return [e.get("message") + "\n" + (e.text or "") for e in root.iter("error")]


@pytest.fixture(params=[(p, warm) for p in PYTHONS for warm in (False, True)], ids=lambda p: "warm" if p[1] else "cold")
def folder(request, tmp_path):
    path = tmp_path / "tree"
    path.mkdir()
    return Folder(path, *request.param)


def test_a_pass(folder):
    folder.write({"test_a.py": PASS})
    started = time.time_ns()
    done = folder.exec(expect=1)
    assert done.stdout == done.stderr == ""
    assert folder.outcomes() == [("test_a", "passed")]
    assert folder.text(suffix="ok") == "abc 0\n"
    events = [json.loads(line) for line in folder.text(suffix="log").splitlines()]
    assert [e["e"] for e in events] == ["start", "end", "finish"]
    assert events[1]["id"] == "test_a.py::test_a" and events[1]["o"] == "passed"
    ended = time.time_ns()
    for suffix in "xml", "ok":
        made = (folder.results / f"test_a.py.{suffix}").stat().st_mtime_ns
        assert started - 20e6 < made < started + (ended - started) / 2
    assert list((folder.path / ".testfan/tmp").iterdir()) == []


def test_a_result_is_not_older_than_what_was_written_before(folder):
    for i in range(8):
        folder.write({"test_a.py": PASS + f"# {i}\n"})
        written = (folder.path / "test_a.py").stat().st_mtime_ns
        folder.exec()
        assert (folder.results / "test_a.py.xml").stat().st_mtime_ns >= written


def test_a_failure_takes_the_pass_away(folder):
    folder.write({"test_a.py": PASS}).exec()
    folder.write({"test_a.py": FAIL})
    assert folder.exec().stdout == "FAILED test_a.py\n"
    assert not folder.passed() and folder.outcomes() == [("test_a", "failure")]


OUTCOMES = """
import pytest
def test_passed(): pass
def test_failed(): assert 0
def test_skipped(): pytest.skip()
@pytest.mark.xfail
def test_xfailed(): assert 0
@pytest.mark.xfail
def test_xpassed(): pass
@pytest.fixture
def before(): assert 0
@pytest.fixture
def after():
    yield
    assert 0
def test_error_before(before): pass
def test_error_after(after): pass
"""


def test_the_log_has_every_outcome(folder):
    folder.write({"test_a.py": OUTCOMES}).exec()
    events = [json.loads(line) for line in folder.text(suffix="log").splitlines()]
    for event in events:
        if event["e"] == "end":
            assert event["o"] == event["id"].split("test_")[-1].split("_")[0]
    assert sum(e["e"] == "end" for e in events) == 7


# What plain pytest reports of a tree and the union of its files, each by itself, must be the same to the last attribute.
LAYOUTS = {
    "flat": {"test_a.py": PASS, "test_b.py": FAIL},
    "packages": {
        "tests/__init__.py": "", "tests/test_a.py": PASS, "tests/unit/__init__.py": "", "tests/unit/test_a.py": PASS,
        "tests/unit/deep/test_b.py": "class TestB:\n    class TestC:\n        def test_c(self): pass\n",
    },
    "tests in __init__": {
        "pytest.ini": "[pytest]\npython_files = *.py\n", "pkg/__init__.py": "def test_i(): pass\n", "pkg/test_a.py": PASS,
        "pkg/sub/__init__.py": "", "pkg/sub/test_b.py": PASS,
    },
    "package fixtures": {
        "pkg/__init__.py": "", "pkg/test_a.py": "def test_a(where): assert where == 'pkg'\n",
        "pkg/conftest.py": "import pytest\n@pytest.fixture(scope='package')\ndef where(request): yield request.node.name.split('/')[-1] or 'pkg'\n",
    },
    "rootdir above": {"pytest.ini": "[pytest]\n", "sub/test_a.py": PASS, "sub/unit/test_b.py": FAIL, "": "sub"},
    "testpaths": {"pytest.ini": "[pytest]\ntestpaths = tests more\n", "tests/test_a.py": PASS, "more/x/test_b.py": PASS},
    "testpaths within each other": {"pytest.ini": "[pytest]\ntestpaths = tests tests/unit\n", "tests/unit/test_a.py": PASS},
    "importlib": {
        "a/test_x.py": PASS, "b/test_x.py": FAIL, "b/unit/test_x.py": PASS, "args": ["--import-mode=importlib"],
    },
    "append": {"a/test_x.py": PASS, "b/test_y.py": PASS, "args": ["--import-mode=append"]},
    "pyargs": {"pkg/__init__.py": "", "pkg/tests/__init__.py": "", "pkg/tests/test_a.py": PASS, "args": ["--pyargs", "pkg.tests"]},
    "arguments": {"a/test_a.py": PASS, "b/test_b.py": PASS, "args": ["./a/", "b/../b"]},
    "collect_ignore": {
        "conftest.py": "collect_ignore = ['test_a.py', 'no']\n", "test_a.py": FAIL, "no/test_b.py": FAIL, "yes/test_c.py": PASS,
    },
    "collect_ignore_glob": {"conftest.py": "collect_ignore_glob = ['*_x.py']\n", "test_x.py": FAIL, "test_y.py": PASS},
    "a hook ignores": {
        "conftest.py": "def pytest_ignore_collect(collection_path):\n    return True if collection_path.name == 'no' else None\n",
        "no/test_a.py": FAIL, "yes/test_b.py": PASS,
    },
    "a conftest below ignores": {"a/conftest.py": "collect_ignore = ['test_a.py']\n", "a/test_a.py": FAIL, "a/test_b.py": PASS},
    "--ignore": {"a/test_a.py": FAIL, "b/test_b.py": PASS, "args": ["--ignore=a"]},
    "--ignore-glob": {"a/test_a.py": FAIL, "b/test_b.py": PASS, "args": ["--ignore-glob=*/test_a*"]},
    "--deselect": {"test_a.py": PASS + FAIL.replace("_a", "_z"), "test_b.py": PASS, "args": ["--deselect=test_a.py::test_z"]},
    "norecursedirs": {"build/test_a.py": FAIL, "b/test_b.py": PASS},
    "doctest modules": {
        "pkg/__init__.py": '""">>> 1\n1\n"""\n', "pkg/code.py": 'def f():\n    """\n    >>> 1 + 1\n    3\n    """\ndef test_no(): assert 0\n',
        "pkg/test_a.py": PASS + '    """\n    >>> 2\n    2\n    """\n', "args": ["--doctest-modules"],
    },
    "doctest text": {"doc/test_a.txt": ">>> 1\n1\n", "doc/b.rst": ">>> 1\n2\n", "test_a.py": PASS, "args": ["--doctest-glob=*.rst"]},
    "unittest": {
        "base.py": "import unittest\nclass Base(unittest.TestCase):\n    def test_base(self): pass\n",
        "test_a.py": "import base\nclass TestA(base.Base):\n    def test_a(self):\n        with self.subTest(x=1): self.fail()\n",
        "test_b.py": "from base import Base\n",
    },
    "parametrized": {
        "test_a.py": "import pytest\n@pytest.mark.parametrize('x', ['a/b', 'a::b', '<&>', '\\0', 'ä', '', 'a[b]', 'x.py'])\ndef test_a(x): pass\n"
    },
    "module skip": {"test_a.py": "import pytest\npytest.skip('no', allow_module_level=True)\n", "test_b.py": "import pytest\npytest.importorskip('nosuch')\n"},
    "broken": {"test_a.py": "import nosuch\n", "test_b.py": "def\n", "pkg/__init__.py": "", "pkg/test_c.py": "assert 0\n"},
    "hooks make and drop items": {
        "conftest.py": "def pytest_collection_modifyitems(items):\n    items[:] = [i for i in items if 'slow' not in i.name][::-1]\n",
        "test_a.py": "def test_slow(): assert 0\n", "test_b.py": PASS + "def test_b(): pass\ndef test_slow(): pass\n",
    },
    "properties": {"test_a.py": "def test_a(record_property, record_xml_attribute):\n    record_property('k', 'v')\n    print('out')\n"},
    "xunit1": {"pytest.ini": "[pytest]\njunit_family = xunit1\njunit_suite_name = mine\njunit_logging = all\n", "a/test_a.py": "def test_a(): print('out')\n", "b/test_b.py": FAIL},
    "junit prefix": {"test_a.py": PASS, "args": ["--junitprefix=px"]},
    "names": {"ä b/test_a$b.py": PASS, "-x/test_-x.py": PASS, "[x]/test_[y].py": PASS},
}
TARGETS = ("test_", "_test.py", "code.py", "__init__.py")


def cases(path):
    found = collections.Counter()
    for case in ElementTree.parse(path).iter("testcase"):
        names = {k: v for k, v in case.attrib.items() if k != "time"}
        found[json.dumps(names, sort_keys=True), *(c.tag for c in case)] += 1
    return found


@pytest.mark.parametrize("name", LAYOUTS)
def test_same_as_plain_pytest(folder, name):
    layout = dict(LAYOUTS[name])
    args, below = layout.pop("args", []), layout.pop("", "")
    folder.write(layout)
    if below:
        inner = Folder(folder.path / below, folder.python, folder.warm)
        inner.pytest_major, folder = folder.pytest_major, inner
    plain = folder.path.parent / "plain.xml"
    folder.pytest("--continue-on-collection-errors", f"--junitxml={plain}", *args)
    union = collections.Counter()
    for file in sorted(layout):
        file = os.path.relpath(file, below or ".")
        if file.endswith((".py", ".txt", ".rst")) and not file.endswith("conftest.py"):
            folder.exec(file, args=args)
            union += cases(folder.results / f"{file}.xml")
    assert union == cases(plain)
    assert sum(union.values()) > 0


SEEN = """
import json, os, sys
def test_a():
    links = sorted(os.listdir('/proc/self/fd'))
    main = sys.modules['__main__']
    environ = {k: v for k, v in os.environ.items() if k not in ('PYTEST_CURRENT_TEST', '_')}
    json.dump(
        [sys.path, sys.argv[0], getattr(sys, 'orig_argv', ['', '-m'])[1], main.__name__, main.__spec__.name, main.__file__,
         links, environ, os.getcwd(), repr(sys.flags), os.getsid(0) == os.getpid(),
         sorted(sys.modules), sys.dont_write_bytecode, os.umask(0o22), __name__],
        open(os.environ['SEEN'], 'w'))
"""


def test_the_process_looks_like_python_m_pytest(folder):
    folder.write({"test_a.py": SEEN})
    ours, plain = folder.path.parent / "ours.json", folder.path.parent / "plain.json"
    own = {"TESTFAN_SESSION": "", "TESTFAN_VERBOSE": "1", "PYTEST_XDIST_WORKER": "gw0", "PYTEST_ADDOPTS": "-n 3 -x -q"}
    folder.write({".testfan/stamp": f"\nenv PYTEST_ADDOPTS={own['PYTEST_ADDOPTS']}\n"})
    folder.exec(env={"SEEN": str(ours), **own})
    assert folder.passed(), folder.errors()
    plain_env = {"SEEN": str(plain), "PYTEST_ADDOPTS": "-q"}
    folder.run(
        "setsid", "-w", folder.python, "-m", "pytest", "-o", "addopts=", f"--junitxml={folder.path}/x.xml", check=0, **plain_env
    )
    ours, plain = json.loads(ours.read_text()), json.loads(plain.read_text())
    assert set(ours.pop(11)) == {"testfan_target", *plain.pop(11)}
    ours[7].pop("SEEN"), plain[7].pop("SEEN")
    assert ours == plain


def test_python_options_for_the_path_hold(folder):
    folder.write({"test_a.py": "import os, sys\ndef test_a(): assert (os.getcwd() in sys.path[:1]) == (not getattr(sys.flags, 'safe_path', False))\n"})
    for env in {}, {"PYTHONSAFEPATH": "1"}:
        folder.exec(env=env, args=["--import-mode=importlib"])
        assert folder.passed(), folder.errors()


@pytest.mark.parametrize(
    "files, settings, passes",
    [
        ({"test_a.py": "import pytest\npytest.skip('x', allow_module_level=True)\n"}, {"expect": 2}, True),
        ({"test_a.py": PASS, "conftest.py": "collect_ignore = ['test_a.py']\n"}, {"expect": 1}, True),
        ({"test_a.py": PASS}, {"expect": 1, "args": ["-k", "no"]}, True),
        ({"test_a.py": "x = 1\n"}, {"expect": 0}, True),
        ({"test_a.py": "x = 1\n"}, {}, True),
        ({"test_a.py": "x = 1\n"}, {"expect": 2, "filtered": True}, True),
        ({"test_a.py": "x = 1\n"}, {"expect": 2}, False),
        ({"test_a.py": PASS, "conftest.py": "def pytest_collection_modifyitems(items): del items[:]\n"}, {"expect": 1}, True),
        ({"test_a.py": "", "conftest.py": "def pytest_sessionfinish(session): session.exitstatus = 0\n"}, {"expect": 1}, False),
        ({"test_a.py": "", "conftest.py": "def pytest_sessionfinish(session): session.exitstatus = 0\n"}, {}, True),
        ({"test_a.py": FAIL, "conftest.py": "def pytest_sessionfinish(session): session.exitstatus = 0\n"}, {"expect": 1}, False),
        ({"test_a.py": PASS, "conftest.py": "def pytest_sessionfinish(session): session.exitstatus = 1\n"}, {"expect": 1}, False),
    ],
)
def test_what_makes_a_pass(folder, files, settings, passes):
    folder.write(files).exec(**settings)
    assert folder.passed() == passes, folder.errors()


def test_tests_that_pytest_does_not_see_are_an_error(folder):
    folder.write({"test_a.py": "x = 1\n"})
    assert "[no-tests]" in folder.exec(expect=3).stdout
    assert "none of the 3 tests" in folder.errors()[0]


def test_node_ids(folder):
    folder.write({"test_a.py": PASS + "def test_b(): pass\nclass TestC:\n    def test_d(self): assert 0\n", "Test_a.py": PASS})
    nodes = {"Test_a.py": ["Test_a.py::test_a"], "test_a.py": ["test_a.py::test_b", "test_a.py::TestC"]}
    folder.exec(nodes=nodes, filtered=True)
    assert folder.outcomes() == [("test_b", "passed"), ("test_d", "failure")]


# What a test or a conftest does, and what the error must tell; the tests before it are in the report.
DEATHS = {
    "segfault": ("import ctypes; ctypes.string_at(0)", "killed by SIGSEGV while running test_a.py::test_b"),
    "killpg": ("import os; os.killpg(0, 9)", "killed by SIGKILL while running test_a.py::test_b"),
    "_exit(0)": ("import os; os._exit(0)", "status 0 while running test_a.py::test_b"),
    "_exit(9)": ("import os; os._exit(9)", "status 9 while running test_a.py::test_b"),
    "pytest.exit": ("import pytest; pytest.exit('enough')", "status 2 though no test failed"),
    "abort": ("import os; os.write(2, b'\\0last \\x1bwords'); os.abort()", "SIGABRT"),
    "recursion": ("import threading, sys; threading.stack_size(65536); sys.setrecursionlimit(10**9)\n"
                  "    def f(): f()\n    import os; os.kill(os.getpid(), 11)", "SIGSEGV"),
    "interrupt": ("raise KeyboardInterrupt", "status 2 though no test failed"),
}


@pytest.mark.parametrize("name", DEATHS)
def test_death_leaves_a_report(folder, name):
    body, cause = DEATHS[name]
    folder.write({"test_a.py": f"def test_a(): pass\ndef test_b():\n    {body}\ndef test_c(): pass\n"}).exec(args=["-s"])
    assert not folder.passed()
    assert ("test_a", "passed") in folder.outcomes()
    (error,) = folder.errors()
    assert cause in error
    if name == "abort":
        assert "#x00last #x1Bwords" in error


@pytest.mark.parametrize(
    "conftest_py, cause",
    [
        ("import os\ndef pytest_collection_finish(): os.kill(os.getpid(), 9)\n", "SIGKILL"),
        ("import os\nos.kill(os.getpid(), 11)\n", "SIGSEGV"),
        ("import os\ndef pytest_unconfigure(): os._exit(0)\n", "status 0 before pytest had finished"),
        ("import atexit, os\natexit.register(os._exit, 9)\n", "status 9 after pytest had finished with 0"),
        ("import atexit, os\natexit.register(os.kill, os.getpid(), 6)\n", "killed by SIGABRT"),
        ("def pytest_collection(): 1 / 0\n", "internal error\n"),
        ("def pytest_configure(): raise __import__('pytest').UsageError('bad words')\n", "bad words"),
        ("1 / 0\n", "ZeroDivisionError"),
    ],
)
def test_death_outside_of_tests(folder, conftest_py, cause):
    folder.write({"test_a.py": PASS, "conftest.py": conftest_py}).exec()
    assert not folder.passed()
    assert cause in folder.errors()[0]


def test_truncated_report(folder):
    folder.write({"conftest.py": "def pytest_unconfigure(config): open(config.option.xmlpath, 'r+').truncate(100)\n", "test_a.py": PASS}).exec()
    assert not folder.passed()
    assert "no complete report" in folder.errors()[0] and ("test_a", "passed") in folder.outcomes()


def test_interpreter_that_is_none(folder, tmp_path):
    folder.write({"test_a.py": PASS})
    done = folder.exec(python="/nosuch/python")
    assert "status 127" in done.stdout and "cannot start the interpreter" in folder.errors()[0]
    subprocess.run([folder.python, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    folder.exec(python=tmp_path / "bare/bin/python")
    assert "No module named 'pytest'" in folder.errors()[0]


# What must not upset the log, the report or exec itself.
DEEDS = {
    "descriptors closed": "import os; os.closerange(3, 1000)",
    "descriptors used up": "import os, pytest\n    try:\n        while 1: os.dup(0)\n    except OSError: pass",
    "folder left": "import os; os.chdir('/')",
    "file removed": "import os; os.unlink(__file__)",
    "environment emptied": "import os; os.environ.clear()",
    "fork that returns": "import os, sys\n    if os.fork() == 0: os._exit(0)\n    os.wait()",
    "fork that goes on": "import os\n    pid = os.fork()\n    if pid: os.waitpid(pid, 0)",
    "os patched": "import os; os.open = os.write = os.close = os.getpid = None",
    "signals ignored": "import signal\n    for s in (1, 2, 15): signal.signal(s, signal.SIG_IGN)",
    "thread left": "import threading, time; threading.Thread(target=time.sleep, args=[60], daemon=True).start()",
    "time frozen": "import time; time.time = time.perf_counter = lambda: 0",
}


@pytest.mark.parametrize("name", DEEDS)
def test_nothing_a_test_does_upsets_exec(folder, name):
    body = DEEDS[name]
    restore = "import os\nold = dict(vars(os))\ndef test_b(): vars(os).update(old)\n" if "patched" in name else ""
    folder.write({"test_a.py": f"{restore}def test_a():\n    {body}\n"})
    plain = folder.run(folder.python, "-m", "pytest", "-p", "no:cacheprovider", f"--junitxml={folder.path}/plain.xml")
    folder.write({"test_a.py": f"{restore}def test_a():\n    {body}\n"}).exec()
    assert folder.passed() == (plain.returncode == 0), plain.stdout
    if plain.returncode == 0:
        assert cases(folder.results / "test_a.py.xml") == cases(folder.path / "plain.xml")


def test_output_without_end(folder):
    folder.write({"test_a.py": "import os\ndef test_a():\n    os.write(1, b'the first line\\n')\n    while 1: os.write(1, b'x' * 65536)\n"})
    started = time.time()
    folder.run(*folder.words("test_a.py", args=["-s"], timeout=5), check=0)
    assert time.time() - started < 20
    (error,) = folder.errors()
    assert error.startswith("timed out after 5 s while running test_a.py::test_a")
    assert len(error) < 20000


def processes(mark):
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark in path.read_bytes().decode(errors="replace"):
                found.append(path.parent.name)
        except OSError:
            pass
    return found


def gone(mark):
    for _ in range(100):
        if not processes(mark):
            return True
        time.sleep(0.05)
    return False


def test_what_a_test_leaves_behind_is_ended(folder):
    mark = f"{86400 + os.getpid()}.5"
    folder.write({"test_a.py": f"import subprocess\ndef test_a(): subprocess.Popen(['sleep', '{mark}'])\n"}).exec()
    assert folder.passed() and gone(mark)


STUBBORN = """
import signal, subprocess, time
def test_a():
    for s in (1, 2, 15): signal.signal(s, signal.SIG_IGN)
    subprocess.Popen(['sleep', '%s'])
    open('begun', 'w').close()
    time.sleep(300)
"""


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
@pytest.mark.parametrize("stubborn", [False, True])
def test_told_to_stop(folder, sent, stubborn):
    mark = f"{186400 + os.getpid()}.5"
    source = STUBBORN % mark
    folder.write({"test_a.py": PASS}).exec()
    folder.write({"test_a.py": source if stubborn else source.replace("SIG_IGN", "SIG_DFL")})
    before = folder.text()
    process = subprocess.Popen(folder.words("test_a.py"), cwd=folder.path, env=folder.env, stdout=subprocess.PIPE)
    while not (folder.path / "begun").exists():
        assert process.poll() is None
        time.sleep(0.02)
    started = time.time()
    process.send_signal(sent)
    assert process.wait(10) == (-9 if sent == signal.SIGKILL else 128 + sent)
    assert time.time() - started < (3 if stubborn else 1)
    assert not folder.passed() and folder.text() == before
    assert gone(str(folder.path))
    if sent != signal.SIGKILL:
        assert gone(mark)
        assert list((folder.path / ".testfan/tmp").iterdir()) == []
    for pid in processes(mark):
        os.kill(int(pid), 9)


def test_full_disk_leaves_the_old_report_whole(folder):
    folder.write({"test_a.py": PASS}).exec()
    before = folder.text()
    folder.write({"test_a.py": "import pytest\n@pytest.mark.parametrize('x', range(100))\ndef test_a(x): assert 0\n"})
    words = folder.words("test_a.py")
    script = "import resource, sys, os, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300)); os.execv(sys.argv[1], sys.argv[1:])"
    done = folder.run(folder.python, "-c", script, *words, check=2)
    assert "[io]" in done.stderr
    assert folder.text() == before and not folder.passed()
    assert list((folder.path / ".testfan/tmp").iterdir()) == []


def test_maxfail_over_several_targets(folder):
    session = folder.path / ".testfan/session"
    session.mkdir()
    env = {"TESTFAN_SESSION": str(session)}
    three = "".join(f"def test_{i}(): assert 0\n" for i in range(3))
    folder.write({"test_a.py": PASS, "test_b.py": three, "test_c.py": three, "test_d.py": PASS})
    for name in "abcd":
        folder.exec(f"test_{name}.py", maxfail=4, env=env)
    assert folder.passed("test_a.py")
    assert len(folder.outcomes("test_b.py")) == 3
    assert len(folder.outcomes("test_c.py")) == 1
    assert folder.outcomes("test_d.py") == [] and not folder.passed("test_d.py")
    assert 'name="testfan.not-run"' in folder.text("test_d.py")


def test_words_that_mean_nothing(folder):
    def refused(*words):
        return folder.run(conftest.BUILD / "testfan", "exec", *words, check=2).stderr

    folder.write({"run.json": "{}"})
    assert "[usage]" in refused("run")
    assert "[usage]" in refused("nosuch", "--python=x", "--run=run.json", "test_a.py", "a.xml", "a.ok")
    assert "[usage]" in refused("run", "--python=x", "--run=run.json", "test_a.py", "a.xml")
    assert "[io]" in refused("run", "--python=x", "--run=nosuch", "test_a.py", "a.xml", "a.ok")
    assert "not written by testfan" in refused("run", "--python=x", "--run=run.json", "test_a.py", "a.xml", "a.ok")


SLOW = """
import threading, time
def wait_for_long():
    time.sleep(600)
def test_first():
    pass
def test_slow():
    threading.Thread(target=wait_for_long, name='other', daemon=True).start()
    %s
def test_last():
    pass
"""


@pytest.mark.parametrize("body", ["time.sleep(300)", "import re; re.match(r'(a+)+$', 'a' * 40 + 'b')", "import os; os.closerange(3, 100); time.sleep(300)"])
def test_time_limit_of_a_test(folder, body):
    folder.write({"test_a.py": SLOW % body}).exec(limit=1.5)
    assert not folder.passed()
    assert ("test_first", "passed") in folder.outcomes() and ("test_slow", "error") in folder.outcomes()
    (error,) = folder.errors()
    if "closerange" in body:
        assert "while running test_a.py::test_slow" in error
        return
    assert error.startswith("timed out after 1.5 s while running test_a.py::test_slow")
    assert "in wait_for_long" in error and "in test_slow" in error


def test_time_limit_is_for_each_test(folder):
    folder.write({"test_a.py": "import pytest, time\n@pytest.mark.parametrize('i', range(4))\ndef test_a(i): time.sleep(0.5)\n"}).exec(limit=1.5)
    assert folder.passed()


def test_time_limits_of_the_configuration(folder):
    folder.write({"test_a.py": "import time\ndef test_a(): time.sleep(300)\n", "pyproject.toml": "[tool.testfan]\ntimeout = 1\n"})
    folder.testfan("test", check=1)
    assert "timed out after 1 s" in folder.errors()[0]
    folder.write({"pyproject.toml": "[tool.testfan]\ntimeout-per-file = 1.5\nworkers = false\n"})
    folder.testfan("test", check=1)
    assert "timed out after 1.5 s" in folder.errors()[0]
    folder.write({"test_a.py": "def test_a(): pass\n", "pyproject.toml": "[tool.testfan]\ntimeout = \"auto\"\ntimeout-per-file = \"auto\"\n"})
    assert "1 passed" in folder.testfan("test", check=0).stdout
    folder.write({"pyproject.toml": "[tool.testfan]\ntimeout = 0\n"})
    assert "[config]" in folder.testfan("test", check=4).stderr
