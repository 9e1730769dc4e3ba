"""Modules that many targets share are imported once, before the fork: where that could be told, they are not."""
import json

import conftest
import pytest

PARTS = 12
MAIN = "import os\n\n" + "".join(f"from app import part{i}\n" for i in range(PARTS)) + "\nPID = str(os.getpid())\nMODE = os.environ.get('MODE')\n"
PACKAGE = {
    "app/__init__.py": "",
    "app/main.py": MAIN,
    **{f"app/part{i}.py": f"VALUE = {i}\n" for i in range(PARTS)},
    "app/other.py": "VALUE = 1\n",
}
NOTE = "    with open(os.environ['NOTES'], 'a') as file:\n        file.write('%s %d\\n' % (__name__, main.PID == str(os.getpid())))\n"
SHARING = "import os\n\nfrom app import main\n\n\ndef test_it():\n" + NOTE
LONE = "from app import other\n\n\ndef test_it():\n    assert other.VALUE == 1\n"


@pytest.fixture
def tree(tmp_path):
    tree = conftest.Tree(tmp_path / "tree")
    tree.path.mkdir()
    tree.env["NOTES"] = str(tmp_path / "notes")
    tree.write({"pytest.ini": "[pytest]\nfilterwarnings = error\n", **PACKAGE, "tests/test_lone.py": LONE})
    return tree.write({f"tests/test_{i}.py": SHARING for i in range(10)})


def notes(tree, tmp_path):
    """How many tests ran, and of them those whose process had imported the module by itself."""
    path = tmp_path / "notes"
    lines = path.read_text().split("\n")[:-1] if path.exists() else []
    path.unlink(missing_ok=True)
    return len(lines), sum(line.endswith(" 1") for line in lines)


def edit(tree, name):
    path = tree.path / name
    path.write_text(path.read_text() + "# edited\n")


def test_shared_modules_are_imported_once(tree, tmp_path):
    for _ in range(2):  # the first ones wait while it is being imported
        tree.testfan("test", check=0)
        assert notes(tree, tmp_path) == (10, 0)
        assert not list((tree.path / ".testfan/tmp").glob("server.*"))
        for i in range(10):
            edit(tree, f"tests/test_{i}.py")
    assert len(conftest.servers(tree.path)) == 2 and len(conftest.lasting(tree.path)) == 1


@pytest.mark.parametrize("edited", ["app/main.py", "app/part3.py"])
def test_they_are_inputs_of_those_that_share_them(tree, tmp_path, edited):
    for _ in range(2):
        tree.testfan("test", check=0)
        edit(tree, "tests/test_0.py")
    edit(tree, edited)
    _, ran = tree.ran(lambda: tree.testfan("test", check=0))
    assert ran == [f"tests/test_{i}.py" for i in range(10)]
    (tree.path / edited).write_text("VALUE = 1 / 0\n")
    done = tree.testfan("test", check=1)
    assert "10 errors" in done.stdout and "1 passed" in done.stdout, done.stdout


def test_a_branch_does_not_outlive_its_server(tree):
    for _ in range(2):
        tree.testfan("test", check=0, TESTFAN_IDLE="1")
        edit(tree, "tests/test_0.py")
    assert conftest.servers(tree.path)
    conftest.wait_until(lambda: not conftest.servers(tree.path), 30)


SEEN = {
    "set-before": {"tests/test_%d.py": SHARING.replace("import os\n", "import os\n\nos.environ['MODE'] = 'test'\n", 1)},
    "set-by-another": {
        "tests/test_%d.py": SHARING.replace("from app", "from helper import VALUE\nfrom app", 1),
        "helper.py": "import os\n\nos.environ['MODE'] = 'test'\nVALUE = 1\n",
    },
    "warns": {"app/part3.py": "import warnings\n\nwarnings.warn('old')\n"},
    "prints": {"app/part3.py": "print('imported')\n"},
    "fails": {"app/part3.py": "raise RuntimeError\n"},
    "thread": {"app/part3.py": "import threading\n\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"},
    "open-file": {"app/part3.py": "FILE = open(__file__)\n"},
    "environment": {"app/part3.py": "import os\n\nos.environ['MODE'] = 'app'\n"},
    "path": {"app/part3.py": "import sys\n\nsys.path.append('elsewhere')\n"},
    "filters": {"app/part3.py": "import warnings\n\nwarnings.simplefilter('ignore')\n"},
    "patched": {"app/part3.py": "import textwrap\n\ntextwrap.dedent = str\n"},
    "star-of-a-package": {"tests/test_%d.py": SHARING.replace("from app", "from app import *\nfrom app", 1)},
    "attribute": {"app/__init__.py": "main = 1\n", "tests/test_%d.py": SHARING.replace("from app import main", "from app import main as one\nimport app.main as main")},
    "in-a-class": {"tests/test_%d.py": SHARING.replace("from app", "class Test:\n    from helper import VALUE\n\n\nfrom app", 1), "helper.py": "import os\n\nos.environ['MODE'] = 'test'\nVALUE = 1\n"},
    "number": {"app/part3.py": "import os\n\nOWN = os.getpid()\n"},
    "looked-for": {"tests/optional.py": "VALUE = 1\n", "app/part3.py": "try:\n    import optional\nexcept ImportError:\n    optional = None\n"},
    "hidden-above": {
        **{f"tests/test_{i}.py": LONE for i in range(10)},
        **{"unit/deep/test_deep_%d.py": SHARING.replace("main\n", "main, part3\n", 1) + "    assert part3.optional\n", "unit/conftest.py": "", "unit/optional.py": "VALUE = 1\n"},
        "app/part3.py": "try:\n    import optional\nexcept ImportError:\n    optional = None\n",
    },
    "hidden": {"tests/fractions.py": "VALUE = 1\n", "app/part3.py": "import fractions\n\nVALUE = fractions.VALUE\n"},
}


@pytest.mark.parametrize("name", SEEN)
def test_what_could_be_told_apart(tree, tmp_path, name):
    for path, text in SEEN[name].items():
        tree.write({path % i: text for i in range(10)} if "%d" in path else {path: text})
    plain = tree.plain()
    notes(tree, tmp_path)
    for _ in range(2):
        tree.testfan("test")
        assert tree.report() == plain
        ran, alone = notes(tree, tmp_path)
        assert ran == alone
        for path in tree.path.rglob("test_*.py"):
            edit(tree, path)


def test_a_module_that_comes_later_hides_another(tree, tmp_path):
    tree.write({"app/part3.py": "import fractions\n\nVALUE = getattr(fractions, 'VALUE', 3)\n"})
    tree.write({f"tests/test_{i}.py": SHARING.replace("main\n", "main, part3\n", 1) + "    assert part3.VALUE == 3\n" for i in range(10)})
    tree.testfan("test", check=0)
    assert notes(tree, tmp_path) == (10, 0)
    tree.write({"tests/fractions.py": "VALUE = 1\n"})
    for i in range(10):
        edit(tree, f"tests/test_{i}.py")
    assert "10 failed" in tree.testfan("test", check=1).stdout


NOTED = {
    "decorator": ("def note(made):\n    SEEN.append(made.__name__)\n    return made\n", "note", "@note\nclass %s:\n    pass\n"),
    "default": ("def note(name):\n    SEEN.append(name)\n", "note", "def made(\n    default=note('%s'),\n):\n    pass\n"),
    "base": ("class Base:\n    def __init_subclass__(cls):\n        SEEN.append(cls.__name__)\n", "Base", "class %s(Base):\n    pass\n"),
    "metaclass": ("class Meta(type):\n    def __init__(cls, *made):\n        SEEN.append(cls.__name__)\n", "Meta", "class %s(metaclass=Meta):\n    pass\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", NOTED)
def test_what_notes_that_it_was_defined_runs_in_the_order_of_each(tree, tmp_path, name):
    noting, taken, noted = NOTED[name]
    tree.write({"app/log.py": "SEEN = []\n\n\n" + noting})
    tree.write({f"app/{one}.py": f"from app.log import {taken}\n\n\n" + noted % one for one in "xy"})
    text = "from app import main\nfrom app import %s\nfrom app import %s\nfrom app.log import SEEN\n\n\ndef test_it():\n    assert SEEN == ['%s', '%s']\n"
    tree.write({f"tests/test_{i}.py": text % ((("x", "y") if i % 2 else ("y", "x")) * 2) for i in range(10)})
    tree.testfan("test", check=0)


def test_what_acts_runs_in_the_order_of_each(tree, tmp_path):
    tree.write({"app/log.py": "SEEN = []\n", **{f"app/{name}.py": f"from app.log import SEEN\n\nSEEN.append('{name}')\n" for name in "xy"}})
    tree.write({"app/main.py": "from app import y\nfrom app import x\n" + MAIN})
    tests = {0: SHARING.replace("from app", "from app import x\nfrom app", 1) + "    assert main.x.SEEN == ['x', 'y']\n", 1: SHARING + "    assert main.x.SEEN == ['y', 'x']\n"}
    tree.write({f"tests/test_{i}.py": tests[i % 2] for i in range(10)})
    tree.testfan("test", check=0)
    assert notes(tree, tmp_path) == (10, 0)
    assert len(conftest.servers(tree.path)) == 3 and len(conftest.lasting(tree.path)) == 1
    conftest.end_servers(tree.path)


USING = "import unittest.mock\n\nimport xml.dom.minidom\n\n\ndef test_it():\n    assert unittest.mock.Mock and xml.dom.minidom\n"
WITHOUT = "import sys\nimport unittest\n\n\ndef test_it():\n    assert not hasattr(unittest, 'mock') and 'xml.dom' not in sys.modules and '%s' not in sys.modules\n"


def test_the_standard_library(tree, tmp_path):
    note = "    with open(__import__('os').environ['NOTES'], 'a') as file:\n        file.write('%d\\n' % ('unittest.mock' in __import__('sys').modules))\n"
    tree.write({"conftest.py": "def pytest_collectstart():\n" + note})
    tree.write({f"tests/test_{i}.py": USING for i in range(10)})
    tree.write({"tests/test_lone.py": WITHOUT % "app"})
    tree.testfan("test", check=0)
    (tmp_path / "notes").unlink()
    edit(tree, "tests/test_0.py")
    tree.testfan("test", check=0)
    assert set((tmp_path / "notes").read_text().split()) == {"1"}  # before the file was imported


def test_a_branch_is_for_one_list_of_modules(tree, tmp_path):
    tree.testfan("test", check=0)
    for name in "main", *(f"part{i}" for i in range(PARTS)):
        tree.write({f"new/{name}.py": (tree.path / f"app/{name}.py").read_text().replace("from app", "from new")})
    tree.write({"new/__init__.py": ""})
    notes(tree, tmp_path)
    tree.write({f"tests/test_{i}.py": SHARING.replace("from app", "import sys\nfrom new", 1) + "    assert 'app' not in sys.modules\n" for i in range(10)})
    tree.testfan("test", check=0)
    assert notes(tree, tmp_path) == (10, 0)


DEAR = "import asyncio\nimport unittest.mock\n"
PLANS = {
    "relative": ({"app/main.py": "from .low import VALUE\nfrom . import part1\n" + MAIN, "app/low.py": DEAR + "VALUE = max(1, 2)\n"}, "from app.main import PID\n",
                 ["app", "asyncio", "unittest.mock", "app.low", *(f"app.part{i}" for i in (1, 0, *range(2, PARTS))), "app.main"]),
    "only-what-comes-before-code": ({"app/low.py": DEAR + "VALUE = max(1, 2)\n"}, "from app.low import VALUE\n\nMORE = max(1, 2)\nfrom app import main\n",
                                    ["app", "asyncio", "unittest.mock", "app.low"]),
    "under-try": ({}, DEAR + "try:\n    from app import main\nexcept ImportError:\n    main = None\n", ["asyncio", "unittest.mock"]),
    "from-import": ({}, "from unittest import mock\nfrom app import part1\n", ["unittest:mock", "app", "app.part1"]),
    "circle": ({"app/main.py": MAIN, "app/part1.py": DEAR + "from app import main\n"}, "from app import part1\nimport asyncio\nimport unittest.mock\n",
               ["app", "app.part1", "asyncio", "unittest.mock"]),
    "in-a-function": ({}, "def test_it():\n    from app import main\n    assert main\n", None),
    "type-checking": ({}, "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    import asyncio\nfrom app import main\n", None),
    "lazy": ({"app/__init__.py": "def __getattr__(name):\n    return 1\n"}, "from app import main\n", None),
    "unresolved": ({}, "import nowhere\nfrom app import main\n", None),
    "imports-the-tests": ({"tests/__init__.py": "", "app/part1.py": "from tests import test_0\n"}, "from app import main\n", ["app", "app.main"]),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANS)
def test_plans(tree, name):
    files, text, wanted = PLANS[name]
    tree.write(files).write({f"tests/test_{i}.py": text for i in range(10)})
    tree.testfan("gen")
    branches = json.loads((tree.path / ".testfan/run.json").read_text()).get("branches", [])
    assert [branch["modules"] for branch in branches] == ([wanted] if wanted else [])
    for branch in branches:  # but no file that the others import
        assert branch["files"] == [f"tests/test_{i}.py" for i in range(name == "imports-the-tests", 10)]
