"""What -k, -m, node ids, --failed and --new select, with pytest as the oracle."""
import json
import os
import pathlib
import subprocess
import sys

import conftest
import pytest

SELECT = conftest.ROOT / "tests" / "select"
LIMITS = {"unknown": 0.2, "beyond": 0.1}


def selected(tree, *words, check=None):
    done = tree.testfan("select", *words, check=check)
    return done.stdout.splitlines()


@pytest.mark.parametrize("name", conftest.NAMES)
def test_random_expressions_on_real_projects(name):
    """A few of what `make select` tries: no file that pytest needs is left out, and few beyond."""
    words = [sys.executable, SELECT / "compare.py", name, "--count", os.environ.get("COUNT", "25"), "--seed", os.environ.get("SEED", "1")]
    words += ["--folder", conftest.PROJECTS, "--testfan", conftest.BUILD / "testfan"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("words", [["-k", "async and not filters"], ["-m", "parametrize"], ["-k", "test_api", "-m", "not filterwarnings"]])
def test_a_filtered_run_runs_what_pytest_runs(project, words):
    tree = project("jinja2")
    tree.testfan("test", *words, check=0)
    [report] = (tree.path / ".testfan/runs").glob("*/report.xml")
    assert conftest.read_report(report) == tree.plain(*words)


EXPRESSIONS = {
    "by the file's name": ("-k", "alpha", {"test_alpha.py": "def test_x(): pass", "test_beta.py": "def test_x(): pass"}, ["test_alpha.py"]),
    "by a folder's name": ("-k", "deep", {"deep/test_a.py": "def test_x(): pass", "test_b.py": "def test_x(): pass"}, ["deep/test_a.py"]),
    "by a class": ("-k", "TestB", {"test_a.py": "class TestA:\n def test_x(self): pass", "test_b.py": "class TestB:\n def test_x(self): pass"}, ["test_b.py"]),
    "in any case": ("-k", "ALPHA", {"test_a.py": "def test_alpha(): pass", "test_b.py": "def test_beta(): pass"}, ["test_a.py"]),
    "inherited from another file": (
        "-k", "shared",
        {"base.py": "class Base:\n def test_shared(self): pass", "test_a.py": "from base import Base\nclass TestA(Base): pass", "test_b.py": "class TestB:\n def test_x(self): pass"},
        ["test_a.py"],
    ),
    "a TestCase by its base": (
        "-k", "thing",
        {"test_a.py": "from unittest import TestCase\nclass Odd(TestCase):\n def test_thing(self): pass", "test_b.py": "class Odd:\n def test_thing(self): pass\ndef test_x(): pass"},
        ["test_a.py"],
    ),
    "an imported test": ("-k", "borrowed", {"lib.py": "def test_borrowed(): pass", "test_a.py": "from lib import test_borrowed", "test_b.py": "def test_x(): pass"}, ["test_a.py"]),
    "a starred test": ("-k", "borrowed", {"lib.py": "def test_borrowed(): pass", "test_a.py": "from lib import *", "test_b.py": "def test_x(): pass"}, ["test_a.py"]),
    "an assigned class": ("-k", "inner", {"lib.py": "class Maker:\n def test_inner(self): pass", "test_a.py": "import lib\nTestX = lib.Maker", "test_b.py": "def test_x(): pass"}, ["test_a.py"]),
    "a class that a call makes": ("-k", "inner", {"test_a.py": "TestX = type('TestX', (), {'test_inner': lambda self: None})", "test_b.py": "def test_x(): pass"}, ["test_a.py"]),
    "a mark": ("-m", "slow", {"test_a.py": "import pytest\n@pytest.mark.slow\ndef test_x(): pass", "test_b.py": "def test_slow(): pass"}, ["test_a.py"]),
    "a mark is a keyword": ("-k", "slow", {"test_a.py": "import pytest\n@pytest.mark.slow\ndef test_x(): pass", "test_b.py": "def test_y(): pass"}, ["test_a.py"]),
    "pytestmark of the module": ("-m", "slow", {"test_a.py": "import pytest\npytestmark = [pytest.mark.slow]\ndef test_x(): pass", "test_b.py": "def test_y(): pass"}, ["test_a.py"]),
    "pytestmark of a base class": (
        "-m", "slow",
        {"base.py": "import pytest\nclass Base:\n pytestmark = pytest.mark.slow", "test_a.py": "from base import Base\nclass TestA(Base):\n def test_x(self): pass", "test_b.py": "def test_y(): pass"},
        ["test_a.py"],
    ),
    "an alias of a mark": ("-m", "slow", {"marks.py": "import pytest\nslow = pytest.mark.slow", "test_a.py": "from marks import slow\n@slow\ndef test_x(): pass", "test_b.py": "def test_y(): pass"}, ["test_a.py"]),
    "a mark of a parameter": ("-m", "slow", {"test_a.py": "import pytest\n@pytest.mark.parametrize('x', [1, pytest.param(2, marks=pytest.mark.slow)])\ndef test_x(x): pass", "test_b.py": "def test_y(): pass"}, ["test_a.py"]),
    "a literal id": ("-k", "red", {"test_a.py": "import pytest\n@pytest.mark.parametrize('x', ['red', 'blue'])\ndef test_x(x): pass", "test_b.py": "import pytest\n@pytest.mark.parametrize('x', ['green'])\ndef test_x(x): pass"}, ["test_a.py"]),
    "two parameters joined": ("-k", "red-1", {"test_a.py": "import pytest\n@pytest.mark.parametrize('y', [1])\n@pytest.mark.parametrize('x', ['red'])\ndef test_x(x, y): pass", "test_b.py": "import pytest\n@pytest.mark.parametrize('x', ['red'])\n@pytest.mark.parametrize('y', [1])\ndef test_x(x, y): pass"}, ["test_a.py"]),
    "ids of values in a name": ("-k", "red", {"test_a.py": "import pytest\nCOLOURS = ['red']\n@pytest.mark.parametrize('x', COLOURS)\ndef test_x(x): pass", "test_b.py": "import pytest\nCOLOURS = ['blue']\n@pytest.mark.parametrize('x', COLOURS)\ndef test_x(x): pass"}, ["test_a.py"]),
    "the name of a class that is a value": ("-k", "Thing", {"lib.py": "class Thing: pass\nclass Other: pass", "test_a.py": "import pytest, lib\n@pytest.mark.parametrize('x', [lib.Thing])\ndef test_x(x): pass", "test_b.py": "import pytest, lib\n@pytest.mark.parametrize('x', [lib.Other, lib.Other()])\ndef test_x(x): pass"}, ["test_a.py"]),
    "escaped ids": ("-k", "xe9", {"test_a.py": "import pytest\n@pytest.mark.parametrize('x', ['é'])\ndef test_x(x): pass", "test_b.py": "import pytest\n@pytest.mark.parametrize('x', ['e'])\ndef test_x(x): pass"}, ["test_a.py"]),
    "a computed id": ("-k", "red", {"test_a.py": "import pytest\n@pytest.mark.parametrize('x', [''.join('red')])\ndef test_x(x): pass", "test_b.py": "def test_x(): pass"}, ["test_a.py"]),
    "a fixture's params": ("-k", "red", {"test_a.py": "import pytest\n@pytest.fixture(params=['red'])\ndef colour(request): pass\ndef test_x(colour): pass", "test_b.py": "def test_x(): pass"}, ["test_a.py"]),
    "params of a conftest's fixture": ("-k", "red", {"conftest.py": "import pytest\n@pytest.fixture(params=['red'])\ndef colour(request): pass", "test_a.py": "def test_x(colour): pass", "test_b.py": "def test_x(): pass"}, ["test_a.py"]),
    "params of a fixture that another needs": ("-k", "red", {"conftest.py": "import pytest\n@pytest.fixture(params=['red'])\ndef colour(request): pass\n@pytest.fixture\ndef paint(colour): pass", "test_a.py": "def test_x(paint): pass"}, ["test_a.py"]),
    "a hook that parametrizes": ("-k", "red", {"conftest.py": "def pytest_generate_tests(metafunc):\n    if 'colour' in metafunc.fixturenames:\n        metafunc.parametrize('colour', ['r' + 'ed'])", "test_a.py": "def test_x(colour): pass", "test_b.py": "def test_x(): pass"}, ["test_a.py"]),
    "a hook that marks": ("-m", "slow", {"conftest.py": "import pytest\ndef pytest_collection_modifyitems(items):\n    for item in items:\n        if 'db' in item.name: item.add_marker(pytest.mark.slow)", "test_a.py": "def test_db(): pass"}, ["test_a.py"]),
    "a hook that marks under a condition": ("-m", "skip", {"conftest.py": "import pytest\ndef pytest_collection_modifyitems(items):\n    for item in items:\n        if 'slow' in item.keywords:\n            item.add_marker(pytest.mark.skip)", "test_a.py": "import pytest\n@pytest.mark.slow\ndef test_x(): pass", "test_b.py": "def test_y(): pass"}, ["test_a.py"]),
    "an unknown decorator": ("-k", "secret", {"deco.py": "def add(f):\n    setattr(f, 'sec' + 'ret', 1)\n    return f", "test_a.py": "from deco import add\n@add\ndef test_x(): pass", "test_b.py": "def test_y(): pass"}, ["test_a.py"]),
    "an attribute of the function": ("-k", "special", {"test_a.py": "def test_x(): pass\ntest_x.special = 1", "test_b.py": "def test_y(): pass"}, ["test_a.py"]),
    "tests that code makes": ("-k", "made", {"test_a.py": "for n in range(2):\n    globals()[f'test_made{n}'] = lambda: None", "test_b.py": "def test_y(): pass"}, ["test_a.py"]),
    "tests that a call puts into the module": ("-k", "made", {"test_a.py": "def make(n):\n    globals()['test_' + n] = lambda: None\nmake('made')", "test_b.py": "def test_y(): pass"}, ["test_a.py"]),
    "a nested class": ("-k", "TestInner", {"test_a.py": "class TestOuter:\n class TestInner:\n  def test_x(self): pass", "test_b.py": "def test_y(): pass"}, ["test_a.py"]),
    "a method that a class overrides": ("-k", "slow", {"base.py": "import pytest\nclass Base:\n @pytest.mark.slow\n def test_x(self): pass", "test_a.py": "from base import Base\nclass TestA(Base):\n def test_x(self): pass", "test_b.py": "from base import Base\nclass TestB(Base): pass"}, ["test_b.py"]),
    "patched functions": ("-k", "patchings", {"test_a.py": "from unittest import mock\n@mock.patch('os.getcwd')\ndef test_x(m): pass", "test_b.py": "def test_y(): pass"}, ["test_a.py"]),
    "not": ("-k", "not alpha", {"test_a.py": "def test_alpha(): pass", "test_b.py": "def test_beta(): pass"}, ["test_b.py"]),
    "not of what is not known": ("-k", "not red", {"test_a.py": "import pytest\n@pytest.mark.parametrize('x', [''.join('red')])\ndef test_x(x): pass"}, ["test_a.py"]),
    "a mark with values": ("-m", "device(serial=1)", {"test_a.py": "import pytest\n@pytest.mark.device(serial=1)\ndef test_x(): pass", "test_b.py": "def test_y(): pass"}, ["test_a.py"]),
    "a file that does not parse": ("-k", "anything", {"test_a.py": "def test_x(:\n", "test_b.py": "def test_y(): pass"}, ["test_a.py"]),
    "a mark in a condition": ("-m", "slow", {"test_a.py": "import pytest, sys\nif sys.path:\n    pytestmark = pytest.mark.slow\ndef test_x(): pass", "test_b.py": "def test_y(): pass"}, ["test_a.py"]),
    "names by python_functions": ("-k", "alpha", {"pytest.ini": "[pytest]\npython_functions = check_*\n", "test_a.py": "def check_alpha(): pass", "test_b.py": "def test_alpha(): pass"}, ["test_a.py"]),
    "a class switched off": ("-k", "alpha", {"test_a.py": "class TestA:\n __test__ = False\n def test_alpha(self): pass\ndef test_x(): pass", "test_b.py": "def test_alpha(): pass"}, ["test_b.py"]),
}  # fmt: skip


@pytest.fixture
def tree(tmp_path):
    path = tmp_path / "tree"
    path.mkdir()
    return conftest.Tree(path)


@pytest.mark.parametrize("case", EXPRESSIONS)
def test_expression(tree, case):
    option, text, files, expected = EXPRESSIONS[case]
    tree.write(files)
    assert selected(tree, option, text) == expected
    needed = tree.pytest("--collect-only", "--continue-on-collection-errors", option, text).stdout
    for name in files:
        assert f"{name}::" not in needed or name in expected, needed


def test_a_wrong_expression_is_told_as_pytest_tells_it(tree):
    tree.write({"test_a.py": "def test_a(): pass"})
    for words in (["-k", "foo and"], ["-m", "(a"], ["-k", "  a b"], ["-m", "mark(a=b)"]):
        ours, theirs = tree.testfan("select", *words), tree.pytest(*words)
        [error] = [line[len("ERROR: "):] for line in theirs.stderr.splitlines() if line.startswith("ERROR: ")]
        assert (ours.returncode, theirs.returncode) == (4, 4)
        assert error in ours.stderr


def test_a_node_id_that_is_not_there(tree):
    tree.write({"test_a.py": "class TestA:\n def test_one(self): pass\ndef test_two(): pass", "test_b.py": "def test_three(): pass"})
    done = tree.testfan("test", "test_a.py::TestA::test_ome", check=4)
    assert "not found: test_a.py::TestA::test_ome" in done.stderr and "did you mean 'test_a.py::TestA::test_one'?" in done.stderr
    assert selected(tree, "test_a.py::TestA", "test_b.py", check=0) == ["test_a.py::TestA", "test_b.py"]
    assert selected(tree, "test_a.py::TestA::test_one", "-k", "three", check=5) == []


def test_failed_and_new(tree):
    tree.write({"test_a.py": "def test_a(): pass", "test_b.py": "def test_b(): assert 0", "test_c.py": "def test_c(): pass"})
    assert selected(tree, "--new", check=0) == ["test_a.py", "test_b.py", "test_c.py"]
    assert selected(tree, "--failed", check=5) == []
    tree.testfan("test", "test_a.py", "test_b.py", check=1)
    assert selected(tree, "--new", check=0) == ["test_b.py", "test_c.py"]
    assert selected(tree, "--failed", check=0) == ["test_b.py"]
    assert selected(tree, "--failed", "-k", "a", check=5) == []
    tree.write({"test_b.py": "def test_b(): pass", "test_a.py": "def test_a(): pass\n"})
    done, ran = tree.ran(lambda: tree.testfan("test", "--failed", check=0))
    assert ran == ["test_b.py"]
    assert selected(tree, "--failed", check=5) == []
    assert selected(tree, "--new", check=0) == ["test_c.py"]


def test_what_did_not_finish_counts_as_failed(tree):
    tree.write({"test_a.py": "import os, signal\ndef test_a():\n    os.kill(os.getppid(), signal.SIGKILL)\n    os._exit(1)\n"})
    tree.testfan("test")
    assert selected(tree, "--failed", check=0) == ["test_a.py"]


def test_formats_and_reasons(tree):
    tree.write({"test_a.py": "def test_alpha(): pass", "sub/test_b b.py": "import os\nx = os.sep.join('ab')\nclass TestX:\n def test_y(self): pass"})
    assert selected(tree, "--format", "ninja", check=0) == ["sub/test_b b.py.test", "test_a.py.test"]
    assert selected(tree, "-k", "alpha", "--explain", check=0) == ["test_a.py", "    match: test_alpha"]
    [entry] = json.loads(tree.testfan("select", "-k", "TestX", "--format", "json", check=0).stdout)
    assert entry == {"file": "sub/test_b b.py", "reason": {"kind": "match", "text": "TestX::test_y"}}


def test_no_python_is_started(tree):
    tree.write({"test_a.py": "def test_alpha(): pass", "test_b.py": "def test_beta(): pass"})
    tree.testfan("gen", check=0)
    shim = tree.path.parent / "bin"
    shim.mkdir()
    (shim / "python3").write_text("#!/bin/sh\necho started >> '%s/log'\nexit 1\n" % shim)
    (shim / "python3").chmod(0o755)
    done = tree.run(conftest.BUILD / "testfan", "select", "--python", tree.python, "-k", "alpha", PATH=f"{shim}:{os.environ['PATH']}")
    assert done.stdout == "test_a.py\n" and not (shim / "log").exists()
