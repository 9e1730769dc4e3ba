"""`--maxfail` and `-x` hold for the whole run, whatever else is asked for."""
import json

import pytest

FAILS = "def test_a():\n    assert 0\n\ndef test_b():\n    assert 0\n"
PASSES = "def test_a():\n    pass\n\ndef test_b():\n    pass\n"
# Fails the first time that it is asked, and so does nothing after it.
FLAKY = """
import os

def test_a():
    known = os.path.exists({mark!r})
    open({mark!r}, "a").close()
    assert known

def test_b():
    pass

def test_c():
    assert not {bad}
"""


def failed(tree):
    return sum(n for (_, _, outcome), n in tree.report().items() if outcome == "failure")


WAYS = {
    "option": ({}, ("--maxfail", "1"), {}),
    "letter": ({}, ("-x",), {}),
    "addopts": ({"pytest.ini": "[pytest]\naddopts = -x\n"}, (), {}),
    "words": ({}, ("--", "-x"), {}),
    "variable": ({}, (), {"PYTEST_ADDOPTS": "--exitfirst"}),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("cold", [(), ("--no-workers",)])
def test_every_way_to_say_it(tree, way, cold):
    files, words, env = WAYS[way]
    tree.write({f"test_{i}.py": FAILS for i in range(6)}).write(files)
    done = tree.testfan("test", "-j1", *cold, *words, check=1, **env)
    assert failed(tree) == 1
    assert "1 failed, 5 files not run" in done.stdout


def test_zero_is_no_limit(tree):
    tree.write({f"test_{i}.py": FAILS for i in range(3)})
    tree.write({"pytest.ini": "[pytest]\naddopts = -x\n"})
    tree.testfan("test", "--maxfail", "0", check=1)
    assert failed(tree) == 6


def test_failures_of_several_files_add_up(tree):
    tree.write({f"test_{i}.py": FAILS if i % 2 else PASSES for i in range(8)})
    tree.testfan("test", "--maxfail", "3", "-j1", check=1)
    assert failed(tree) == 3
    tree.testfan("test", "-j2", check=1)
    assert tree.report() == tree.plain()


def test_what_did_not_run_is_no_pass(tree):
    """It runs the next time, and what pytest knows of it from before stays."""
    tree.write({"test_a.py": PASSES, "test_b.py": FAILS, "test_c.py": PASSES})
    tree.testfan("test", check=1)
    tree.write({"test_a.py": FAILS, "test_c.py": PASSES + "\n"}).starts("test_a.py", "test_b.py", "test_c.py")
    tree.testfan("test", "-j1", "--maxfail", "1", check=1)
    known = json.loads((tree.path / ".pytest_cache/v/cache/lastfailed").read_text())
    assert set(known) == {"test_a.py::test_a", "test_b.py::test_a", "test_b.py::test_b"}
    assert json.loads((tree.path / ".testfan/times.json").read_text())["targets"]["test_a.py"] == 3
    done, ran = tree.ran(lambda: tree.testfan("test", check=1))
    assert ran == ["test_a.py", "test_b.py", "test_c.py"]
    assert tree.report() == tree.plain()


@pytest.mark.parametrize("cold", [(), ("--no-workers",)])
def test_a_retried_file_runs_to_its_end(tree, cold):
    """Whatever stands behind a flaky test must have run before the file can pass, or fail."""
    for bad in False, True:
        tree.write({"test_a.py": FLAKY.format(mark=str(tree.path.parent / f"mark{bad}"), bad=bad)})
        tree.testfan("test", "--maxfail", "1", "--retries", "1", *cold, check=1 if bad else 0)
        report = tree.report()
        assert sum(report.values()) == 3
        assert failed(tree) == bad


def test_a_flaky_failure_does_not_count(tree):
    tree.write({"test_a.py": FLAKY.format(mark=str(tree.path.parent / "mark"), bad=False), "test_b.py": PASSES, "test_c.py": PASSES})
    done = tree.testfan("test", "--maxfail", "1", "--retries", "1", "-j1", check=0)
    assert sum(tree.report().values()) == 7
    assert "not run" not in done.stdout


def test_shards(tree):
    """A shard that did not run is no shard that is missing."""
    body = "import time\n\n" + "".join(f"def test_{i}():\n    time.sleep(0.05)\n    assert {i} != {i}\n\n" for i in range(4))
    groups = {f"test_{i}": 2 for i in range(4)}
    tree.write({"test_a.py": body, "testfan.times.json": json.dumps({"version": 1, "targets": {"test_a.py": {"seconds": 8, "groups": groups}}})})
    done = tree.testfan("test", "--maxfail", "1", "-j1", check=1)
    assert failed(tree) == 1 and sum(tree.report().values()) == 1
    assert "1 failed, 3 files not run" in done.stdout
    tree.testfan("test", check=1)
    assert failed(tree) == 4


def test_a_run_that_was_stopped_does_not_pass(tree):
    """The failure turns out to be none, but some files have not run."""
    tree.write({"test_a.py": "import sys\n\ndef test_a():\n    assert 'test_z' in sys.modules\n", "test_z.py": PASSES}).starts("test_a.py", "test_z.py")
    done = tree.testfan("test", "--maxfail", "1", "-j1", check=1)
    assert "order-dependent" in done.stderr
    assert "1 passed, 1 file not run" in done.stdout
    tree.testfan("test", check=0)


def test_a_crash_counts(tree):
    tree.write({"test_a.py": "import os\n\ndef test_a():\n    os._exit(3)\n", "test_b.py": PASSES}).starts("test_a.py", "test_b.py")
    done = tree.testfan("test", "--maxfail", "1", "-j1", check=1)
    assert "1 error, 1 file not run" in done.stdout


def test_many_failures_are_counted_cheaply(tree):
    """No more marks than are needed to stop."""
    tree.write({"test_a.py": "import pytest\n\n@pytest.mark.parametrize('i', range(300))\ndef test_a(i):\n    assert 0\n", "test_b.py": "import os\n\ndef test_b():\n    assert len(os.listdir('.testfan/tmp/session')) < 5\n"}).starts("test_a.py", "test_b.py")
    tree.testfan("test", "-j1", check=1)
    assert failed(tree) == 300


def test_what_a_filter_leaves_out_stays_known_as_failed(tree):
    """As in plain pytest, for its --lf."""
    body = "from pathlib import Path\n\ndef test_one():\n    assert Path('fixed').exists()\n\ndef test_two():\n    assert 0\n"
    tree.write({"test_a.py": body, "test_b.py": "1 / 0\n"})
    known = tree.path / ".pytest_cache/v/cache/lastfailed"
    tree.run(tree.python, "-m", "pytest", "--continue-on-collection-errors", check=1)
    assert set(json.loads(known.read_text())) == {"test_a.py::test_one", "test_a.py::test_two", "test_b.py"}
    tree.write({"fixed": "", "test_b.py": "def test_one():\n    pass\n"})
    for words in ("-k", "one"), ("test_a.py::test_one",):
        tree.testfan("test", *words, check=0)
        assert set(json.loads(known.read_text())) == {"test_a.py::test_two"}
    tree.testfan("test", check=1)
    assert set(json.loads(known.read_text())) == {"test_a.py::test_two"}
