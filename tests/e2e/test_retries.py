"""Retries: what passes only when it is run again is a pass, and flaky."""
import xml.etree.ElementTree as ElementTree

import pytest

COUNTED = """import os

def count(name):
    fd = os.open(os.path.join({state!r}, name), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(fd, b"x")
    return os.fstat(fd).st_size - 1
"""
FLAKY = """import os, pytest
from counted import count

count("file")

def test_fine():
    count("fine")

@pytest.mark.parametrize("what", ["a b", "c::d", "[e]"])
def test_flaky(what):
    {body}

class TestSome:
    def test_wrong(self):
        assert {right}, "always"
"""


@pytest.fixture
def state(tree, tmp_path):
    folder = tmp_path / "state"
    folder.mkdir()
    tree.write({"counted.py": COUNTED.format(state=str(folder)), "conftest.py": "", "test_other.py": "def test_other(): pass\n"})
    return folder


def cases(tree):
    return {(c.get("classname"), c.get("name")): [e.tag for e in c] for c in ElementTree.parse(tree.path / ".testfan/report.xml").iter("testcase")}


@pytest.mark.parametrize("mode", [[], ["--no-workers"]], ids=["server", "cold"])
def test_a_pass_after_a_failure_is_flaky(tree, state, mode):
    tree.write({"test_flaky.py": FLAKY.format(body="assert count('flaky' + str(ord(what[0]))), 'at first'", right=True)})
    done = tree.testfan("test", "--retries=1", *mode, check=0)
    seen = cases(tree)
    assert seen.pop(("test_other", "test_other")) == [] and seen.pop(("test_flaky", "test_fine")) == []
    assert seen.pop(("test_flaky.TestSome", "test_wrong")) == []
    assert len(seen) == 3 and set(map(tuple, seen.values())) == {("flakyFailure",)}
    assert "3 flaky" in done.stdout and "FLAKY test_flaky.py::test_flaky[a b]" in done.stdout
    assert (state / "fine").read_text() == "x"
    done, ran = tree.ran(lambda: tree.testfan("test", check=0))
    assert not ran and "3 flaky" in done.stdout
    tree.testfan("test", "--fail-on-flaky", check=1)
    tree.testfan("merge", "-o", "again.xml", ".testfan/report.xml", check=0)
    tree.testfan("merge", "-o", "again.xml", ".testfan/report.xml", "--fail-on-flaky", check=1)


def test_what_fails_every_time_has_failed(tree, state):
    tree.write({"test_flaky.py": FLAKY.format(body="assert count('flaky' + str(ord(what[0]))), 'at first'", right=False)})
    done = tree.testfan("test", "--retries=2", "--strict-isolation", check=1)
    seen = cases(tree)
    assert seen["test_flaky.TestSome", "test_wrong"] == ["failure", "rerunFailure", "rerunFailure"]
    assert seen["test_flaky", "test_flaky[a b]"] == ["flakyFailure"]
    assert "1 failed, 5 passed, 3 flaky" in done.stdout
    assert (state / "fine").read_text() == "x"
    done, ran = tree.ran(lambda: tree.testfan("test", "--strict-isolation", check=1))
    assert ran == ["test_flaky.py"]


CRASHES = {"crash": "count('x' + what[0]) or os._exit(3)", "killed": "count('x' + what[0]) or os.kill(os.getpid(), 9)", "slow": "import time; count('x' + what[0]) or time.sleep(600)"}


@pytest.mark.parametrize("kind", CRASHES)
def test_a_crash_runs_the_whole_file_again(tree, state, kind):
    tree.write({"test_flaky.py": FLAKY.format(body=CRASHES[kind], right=True), "pyproject.toml": "[tool.testfan]\ntimeout = 2\n"})
    done = tree.testfan("test", "--retries=3", check=0)
    seen = cases(tree)
    assert len(seen) == 6 and seen["test_flaky", "test_flaky[[e]]"] == ["flakyError"], seen
    assert "flaky" in done.stdout
    assert (state / "fine").read_text() == "xxxx"


def test_an_import_that_fails_once_is_run_again(tree, state):
    tree.write({"test_flaky.py": "from counted import count\nassert count('import'), 'at first'\n\ndef test_it(): pass\n"})
    done = tree.testfan("test", "--retries=1", check=0)
    assert "1 flaky" in done.stdout and "FLAKY test_flaky.py" in done.stdout


def test_settings_name_what_is_known_to_be_flaky(tree, state):
    body = "assert count('%s'), 'at first'"
    tree.write(
        {
            "test_flaky.py": FLAKY.format(body=body % "flaky", right=True),
            "test_sure.py": FLAKY.format(body=body % "sure", right=True),
            "pyproject.toml": '[tool.testfan]\nflaky = ["test_f*.py"]\n',
        }
    )
    tree.testfan("test", check=1)
    seen = cases(tree)
    assert seen["test_flaky", "test_flaky[a b]"] == ["flakyFailure"] and seen["test_sure", "test_flaky[a b]"] == ["failure"]
    tree.write({"pyproject.toml": "[tool.testfan]\nretries = 1\n"})
    for name in ("sure", "flaky"):
        (state / name).unlink()
    tree.testfan("gen", check=0)
    assert tree.ninja("test", check=0)
    tree.write({"pyproject.toml": "[tool.testfan]\nretries = -1\n"})
    assert "'retries' in [tool.testfan] wants" in tree.testfan("gen").stderr


def test_what_is_read_by_any_attempt_counts(tree, state):
    tree.write({"data.txt": "1", "test_flaky.py": "from counted import count\ndef test_it():\n    if not count('it'):\n        open('da' + 'ta.txt').read()\n        assert 0\n"})
    tree.testfan("test", "--retries=1", check=0)
    tree.write({"data.txt": "22"})
    done, ran = tree.ran(lambda: tree.testfan("test"))
    assert ran == ["test_flaky.py"]
