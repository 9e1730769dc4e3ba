"""Time limits, wherever something hangs: the report names it and has the stacks of all threads, what had finished before is kept, nothing runs on."""
import xml.etree.ElementTree as ElementTree

import conftest
import pytest

HEAD = "import threading, time\nimport pytest\n\ndef wait_in_a_thread():\n    time.sleep(600)\n\ndef hang():\n    threading.Thread(target=wait_in_a_thread, daemon=True).start()\n    %s\n"
SLEEPS = "time.sleep(600)"
TESTS = "\ndef test_first():\n    pass\n\ndef test_bad(%s):\n    %s\n\ndef test_last():\n    pass\n"
FIXTURE = "\n@pytest.fixture(scope='session')\ndef dear():\n    %s\n"
# What hangs -> its file, what runs then, and what has ended before.
HANGS = {
    "setting up a session": (HEAD % SLEEPS + FIXTURE % "hang()" + TESTS % ("dear", "pass"), "test_bad", ["test_first"]),
    "tearing down a session": (HEAD % SLEEPS + FIXTURE % "yield\n    hang()" + TESTS % ("dear", "pass"), "test_last", ["test_first", "test_bad"]),
    "an import": (HEAD % SLEEPS + "hang()\n" + TESTS % ("", "pass"), None, []),
    "a regular expression": (HEAD % "import re; re.match(r'(a+)+$', 'a' * 40 + 'b')" + TESTS % ("", "hang()"), "test_bad", ["test_first"]),
    "a call in C": (HEAD % "import ctypes; ctypes.PyDLL(None).sleep(600)" + TESTS % ("", "hang()"), "test_bad", ["test_first"]),
    "deaf to signals": (HEAD % "import signal; [signal.signal(s, signal.SIG_IGN) for s in (2, 15)]; time.sleep(600)" + TESTS % ("", "hang()"), "test_bad", ["test_first"]),
}


@pytest.fixture
def tree(tmp_path):
    return conftest.make_tree(tmp_path)


def left(tree):
    return [words for pid, words in conftest.processes(tree.path) if pid not in conftest.lasting(tree.path) + conftest.keepers(tree.path)]


# Of a test, and of the whole file: an import belongs to no test.
CASES = [(1, name) for name in HANGS if name != "an import"] + [(3, name) for name in ("an import", "setting up a session", "a call in C", "deaf to signals")]


@pytest.mark.parametrize("mode", [[], ["--no-workers"]], ids=["server", "cold"])
@pytest.mark.parametrize("seconds, name", CASES)
def test_what_hangs(tree, seconds, name, mode):
    source, running, before = HANGS[name]
    settings = f"[tool.testfan]\ntimeout-per-file = 3\n{'timeout = 1' if seconds == 1 else ''}\n"
    tree.write({"test_hangs.py": source, "test_other.py": "def test_it():\n    pass\n", "pyproject.toml": settings})
    tree.testfan("test", "-j2", *(["--retries=1"] if seconds == 1 or not running else []), "--strict-isolation", *mode, check=1, timeout=60)
    cases = {case.get("name"): case for case in ElementTree.parse(tree.path / ".testfan/report.xml").iter("testcase")}
    named = running or "test_hangs"
    assert set(cases) == {"test_it", named, *before}
    assert [name for name, case in cases.items() if len(case)] == [named]
    (error,) = cases[named].iter("error")
    said = error.get("message") + "\n" + error.text
    assert said.startswith(f"timed out after {seconds} s" + (f" while running test_hangs.py::{running}\n" if running else "\n"))
    assert "in hang\n" in said and "in wait_in_a_thread\n" in said
    assert left(tree) == []


def test_a_shared_process_that_hangs_at_its_end(tree):
    """What a session sets up for several files is torn down when all have run; the last one hears of it."""
    fixture = "import pytest, time\n\n@pytest.fixture(scope='session')\ndef dear():\n    yield\n    time.sleep(600)\n"
    tree.write({"conftest.py": fixture, **{f"test_{i}.py": "def test_it(dear):\n    pass\n" for i in range(3)}})
    tree.write({"pyproject.toml": '[tool.testfan]\nisolation = "session"\ntimeout-per-file = 2\n'})
    done = tree.testfan("test", "-j1", "--retries=1", check=1, timeout=50)
    assert "the process that it shared had not ended 2 s after its last test" in done.stdout
    assert sorted(outcome for _, _, outcome in tree.report().elements()) == ["error"] + 3 * ["passed"]
    assert left(tree) == []


@pytest.mark.parametrize("mode", [[], ["--no-workers"]], ids=["server", "cold"])
def test_a_file_that_hangs_among_the_others(tree, mode):
    """It has failed alone; for a second opinion it gets no more time than then."""
    hangs = "import sys, time\ndef test_it():\n    time.sleep(600 if 'test_other' in sys.modules else 0)\n    assert 0\n"
    tree.write({"test_hangs.py": hangs, "test_other.py": "def test_it():\n    pass\n", "pyproject.toml": "[tool.testfan]\ntimeout-per-file = 2\n"})
    tree.testfan("test", *mode, check=1, timeout=60)
    assert tree.report()["test_hangs", "test_it", "failure"] == 1 and sum(tree.report().values()) == 2
    assert left(tree) == []
