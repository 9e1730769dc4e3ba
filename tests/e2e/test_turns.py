"""Targets that run alone (`serial`), and those that share what only few can have (`resource`)."""
import fcntl
import subprocess
import time

import conftest
import pytest

# Runs until so many have run at the same time, or for some seconds: a machine may be too busy for them to meet by chance.
TEST = """
import time

def note(word):
    with open({log!r}, "a") as log:
        log.write(f"{{word}} {name}\\n")

def most():
    running = [0]
    for line in open({log!r}):
        running.append(running[-1] + (1 if line.startswith("begin") else -1))
    return max(running)

def test_it():
    note("begin")
    end = time.monotonic() + 20
    time.sleep(0.3)
    while most() < {company} and time.monotonic() < end:
        time.sleep(0.05)
    note("end")
"""


class Log:
    """What ran beside what."""

    def __init__(self, tree):
        self.path = tree.path.parent / "log"

    def test(self, name, company=0):
        return TEST.format(log=str(self.path), name=name, company=company)

    def companies(self):
        running, seen = set(), set()
        for line in self.path.read_text().splitlines():
            word, name = line.split()
            running.add(name) if word == "begin" else running.remove(name)
            seen.add(frozenset(running))
        assert not running
        return seen


@pytest.fixture
def log(tree):
    return Log(tree)


RUNS = {
    "testfan": lambda tree: tree.testfan("test", "-j4", check=0),
    "cold": lambda tree: tree.testfan("test", "-j4", "--no-workers", check=0),
    "ninja": lambda tree: (tree.testfan("gen", check=0), tree.ninja("-j4", check=0)),
}


@pytest.mark.parametrize("run", RUNS)
def test_serial_runs_alone(tree, log, run):
    tree.write({f"tests/test_{name}.py": log.test(name, 2) for name in "abcd"})
    tree.write({"tests/test_0.py": "# testfan: serial\n" + log.test("alone"), "tests/db/test_db.py": log.test("db")})
    tree.write({"pyproject.toml": '[tool.testfan]\nserial = ["tests/db/*"]\n'})
    RUNS[run](tree)
    seen = log.companies()
    assert {c for c in seen if c & {"alone", "db"}} == {frozenset({"alone"}), frozenset({"db"})}
    assert any(len(c) > 1 for c in seen)
    begun = [line.split()[1] for line in log.path.read_text().splitlines() if line.startswith("begin")]
    assert set(begun[-2:]) == {"alone", "db"}


@pytest.mark.parametrize("run", RUNS)
def test_a_resource_is_shared_by_as_many_as_can(tree, log, run):
    tree.write({f"test_{name}.py": "# testfan: resource=gpu\n" + log.test(name, 4) for name in ("gpu0", "gpu1", "gpu2", "gpu3")})
    tree.write({f"test_{name}.py": log.test(name, 4) for name in ("db0", "db1", "other")})
    tree.write({"pyproject.toml": '[tool.testfan]\nresources."test_db*.py" = "db"\nresource-limits.gpu = 2\n'})
    RUNS[run](tree)
    seen = log.companies()
    assert max(sum(name.startswith("gpu") for name in c) for c in seen) == 2
    assert max(sum(name.startswith("db") for name in c) for c in seen) == 1
    assert any(len(c) == 4 for c in seen)


def test_waiting_is_not_running(tree):
    """Whoever waits for its turn is not timed out, prints nothing, and goes on when it may."""
    tree.write({"test_a.py": "# testfan: serial\ndef test_a():\n    pass\n", "pyproject.toml": "[tool.testfan]\ntimeout-per-file = 2\ntimeout = 2\n"})
    tree.testfan("gen", check=0)
    with open(tree.path / ".testfan/turn", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        process = subprocess.Popen([conftest.BUILD / "testfan", "test", "--python", tree.python], cwd=tree.path, env=tree.env, stdout=subprocess.PIPE, text=True)
        time.sleep(3)
        assert process.poll() is None
    assert "1 passed" in process.communicate(timeout=60)[0]
    assert process.returncode == 0


def test_waiting_can_be_interrupted(tree):
    tree.write({"test_a.py": "# testfan: serial\ndef test_a():\n    pass\n"})
    tree.testfan("gen", check=0)
    with open(tree.path / ".testfan/turn", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        process = subprocess.Popen([conftest.BUILD / "testfan", "test", "--python", tree.python], cwd=tree.path, env=tree.env, stdout=subprocess.PIPE, text=True)
        time.sleep(1)
        process.terminate()
        process.communicate(timeout=30)
    assert process.returncode == 2
