"""`testfan exec run` by itself: the files it leaves, and that pytest sees a target as it does in a plain run."""
import collections
import json
import os
import time

import conftest
import pytest

PASS = "def test_a():\n    pass\n"
FAIL = "def test_a():\n    assert 0\n"


def test_a_pass(folder):
    folder.write({"test_a.py": PASS})
    started = time.time_ns()
    done = folder.exec(expect=1)
    assert done.stdout == done.stderr == ""
    assert folder.outcomes() == [("test_a", "passed")]
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


def test_what_the_child_wrote_is_kept_and_not_copied(folder):
    """Files cost more to make than to write: even a pass is a second name of the report."""
    link = "import glob, os\ndef pytest_unconfigure(config):\n    os.link(config.option.xmlpath, 'xml')\n    os.link(*glob.glob('.testfan/tmp/report.log.*'), 'log')\n"
    folder.results.mkdir()
    folder.write({"test_a.py": PASS, "conftest.py": link}).exec()
    assert folder.passed()
    for suffix in "xml", "log":
        assert (folder.path / suffix).samefile(folder.results / f"test_a.py.{suffix}")
    assert (folder.path / "xml").samefile(folder.results / "test_a.py.ok")


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


@pytest.mark.parametrize("name", LAYOUTS)
def test_same_as_plain_pytest(folder, name):
    layout = dict(LAYOUTS[name])
    args, below = layout.pop("args", []), layout.pop("", "")
    folder.write(layout)
    if below:
        inner = conftest.Folder(folder.path / below, folder.python, folder.warm)
        inner.pytest_major, folder = folder.pytest_major, inner
    plain = folder.path.parent / "plain.xml"
    folder.pytest("--continue-on-collection-errors", f"--junitxml={plain}", *args)
    union = collections.Counter()
    for file in sorted(layout):
        file = os.path.relpath(file, below or ".")
        if file.endswith((".py", ".txt", ".rst")) and not file.endswith("conftest.py"):
            folder.exec(file, args=args)
            union += conftest.read_cases(folder.results / f"{file}.xml")
    assert union == conftest.read_cases(plain)
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
