"""What is killed or told to stop in the middle of a run: the next run is right, and nothing stays behind. `make soak` has more of it."""
import os
import pathlib
import pty
import select
import signal
import subprocess
import sys
import time

import conftest
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "soak"))
import kills


BEGINS = "import subprocess, time\ndef test_it():\n    subprocess.Popen(['sleep', '1000'], start_new_session=True)\n    open('begun-%d', 'w').close()\n    time.sleep(1000)\n"


def test_kill_9_of_any_process(tmp_path):
    table, wrong = kills.soak(len(kills.VICTIMS), 1, None, tmp_path)
    assert wrong == [] and sum(killed for killed, _ in table.values()) == len(kills.VICTIMS)


@pytest.mark.parametrize("mode", [[], ["--no-workers"]], ids=["server", "cold"])
@pytest.mark.parametrize("signals", [[signal.SIGINT], [signal.SIGINT, signal.SIGINT], [signal.SIGTERM], [signal.SIGHUP]], ids=["int", "int twice", "term", "hup"])
def test_told_to_stop(tmp_path, signals, mode):
    path = tmp_path / "tree"
    path.mkdir()
    tree = conftest.Tree(path).write({f"test_{i}.py": BEGINS % i for i in range(2)})
    words = [conftest.BUILD / "testfan", "test", "--python", tree.python, "-j2", *mode]
    process = subprocess.Popen(words, cwd=path, env=tree.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    conftest.wait_until(lambda: len(list(path.glob("begun-*"))) == 2)
    for sent in signals:
        process.send_signal(sent)
        time.sleep(0.1)
    assert process.wait(20) == 2
    conftest.wait_until(lambda: not set(kills.kinds(path)) - {"server", "keeper", "branch"})
    tree.write({f"test_{i}.py": "def test_it(): pass\n" for i in range(2)})
    tree.testfan("test", *mode, check=0, timeout=60)
    assert sum(tree.report().values()) == 2


def test_two_at_once_of_which_one_is_killed(tmp_path):
    """At any moment, with its ninja or without: the other one gets the lock, and its report is whole."""
    soak = kills.Soak(kills.make_tree(tmp_path / "made"), 2)
    for _ in range(8):
        soak.touch()
        both = [subprocess.Popen(soak.words(), cwd=soak.tree.path, env=soak.tree.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in range(2)]
        time.sleep(soak.random.uniform(0, soak.seconds))
        victim, other = soak.random.sample(both, 2)
        ninjas = [pid for pid in kills.kinds(soak.tree.path)["ninja"] if conftest.parent_of(pid) == victim.pid]
        for pid in [victim.pid, *ninjas[: soak.random.randint(0, 1)]]:
            os.kill(pid, signal.SIGKILL)
        said = other.communicate(timeout=kills.PATIENCE)[0]
        victim.communicate()
        soak.check(subprocess.CompletedProcess([], other.returncode, said, ""), "the other")
        soak.check(soak.run(), "the next")
    soak.end()
    assert soak.wrong == []


OUTLIVES = """import os, signal, time
def test_it():
    if os.path.exists("slow"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        open("begun", "w").close()
        time.sleep(1000)
"""


def test_a_run_waits_for_the_ninja_of_one_that_was_killed(tmp_path):
    """When it is told to end, ninja waits for what it has started, and then removes what that was to make."""
    tree = conftest.Tree(tmp_path).write({"test_it.py": OUTLIVES, "slow": ""})
    process = subprocess.Popen([conftest.BUILD / "testfan", "test", "--python", tree.python], cwd=tmp_path, env=tree.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    conftest.wait_until((tmp_path / "begun").exists)
    (tmp_path / "slow").unlink()
    process.kill()
    process.wait()
    done = tree.testfan("test", check=0, timeout=60)
    assert "waiting for it" in done.stderr
    assert set(tree.report().values()) == {1}
    conftest.wait_until(lambda: not set(kills.kinds(tmp_path)) - {"server", "keeper", "branch"})
    assert set(tree.report().values()) == {1}
    assert list((tmp_path / ".testfan" / "results").rglob("*.ok"))


def on_a_terminal(tree, words):
    """Starts a program as a shell in a window does; returns its pid and the window's side of the terminal."""
    pid, window = pty.fork()
    if pid == 0:
        os.chdir(tree.path)
        os.execve(words[0], [str(word) for word in words], {**tree.env, "TERM": "xterm"})
    return pid, window


def read_until(window, text):
    seen = b""

    def come():
        nonlocal seen
        if select.select([window], [], [], 0)[0]:
            seen += os.read(window, 10000)
        return text in seen

    conftest.wait_until(come)


@pytest.mark.parametrize("mode", [[], ["-v"], ["--no-workers"], ["ninja"]], ids=["server", "verbose", "cold", "ninja"])
def test_a_terminal_that_is_closed(tmp_path, mode):
    (tmp_path / "tree").mkdir()
    tree = conftest.Tree(tmp_path / "tree").write({f"test_{i}.py": BEGINS % i for i in range(2)})
    tree.testfan("gen", check=0)
    ours = [conftest.BUILD / "testfan", "test", "--python", tree.python, "-j2"]
    pid, window = on_a_terminal(tree, [tree.ninja_program, "test", "-j2"] if mode == ["ninja"] else ours + mode)
    conftest.wait_until(lambda: len(list(tree.path.glob("begun-*"))) == 2)
    read_until(window, b"test_0.py")
    os.close(window)
    conftest.wait_until(lambda: os.waitpid(pid, os.WNOHANG)[0] == pid)
    conftest.wait_until(lambda: not set(kills.kinds(tree.path)) - {"server", "keeper", "branch"})
    tree.write({f"test_{i}.py": "def test_it(): pass\n" for i in range(2)})
    tree.testfan("test", check=0, timeout=60)
    assert sum(tree.report().values()) == 2


def test_a_terminal_that_is_closed_under_nohup(tmp_path):
    """The run goes on to its end, whoever of its group is told."""
    (tmp_path / "tree").mkdir()
    tree = conftest.Tree(tmp_path / "tree").write({f"test_{i}.py": f"import time\ndef test_it():\n    open('begun-{i}', 'w').close()\n    time.sleep({1 + i})\n" for i in range(2)})
    tree.write({"test_fails.py": "def test_it():\n    assert 0\n"})
    words = f"nohup {conftest.BUILD}/testfan test --python {tree.python} -j2 > said 2>&1; echo status $? >> said"
    pid, window = on_a_terminal(tree, ["/bin/bash", "-c", "set -m; (trap '' HUP; " + words + ") & wait"])
    conftest.wait_until(lambda: len(list(tree.path.glob("begun-*"))) == 2)
    group = os.getpgid(next(p for p, words in conftest.processes(tree.path) if words[1:2] == ["test"]))
    os.close(window)
    os.waitpid(pid, 0)
    os.killpg(group, signal.SIGHUP)
    conftest.wait_until(lambda: "status" in (tree.path / "said").read_text())
    assert "status 1" in (tree.path / "said").read_text()
    assert sorted(outcome for _, _, outcome in tree.report().elements()) == ["failure", "passed", "passed"]
