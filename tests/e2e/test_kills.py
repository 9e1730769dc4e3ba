"""What is killed or told to stop in the middle of a run: the next run is right, and nothing stays behind. `make soak` has more of it."""
import pathlib
import signal
import subprocess
import sys
import time

import conftest
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "soak"))
import kills


def test_kill_9_of_any_process(tmp_path):
    table, wrong = kills.soak(len(kills.VICTIMS), 1, None, tmp_path)
    assert wrong == [] and sum(killed for killed, _ in table.values()) == len(kills.VICTIMS)


@pytest.mark.parametrize("mode", [[], ["--no-workers"]], ids=["server", "cold"])
@pytest.mark.parametrize("signals", [[signal.SIGINT], [signal.SIGINT, signal.SIGINT], [signal.SIGTERM], [signal.SIGHUP]], ids=["int", "int twice", "term", "hup"])
def test_told_to_stop(tmp_path, signals, mode):
    path = tmp_path / "tree"
    path.mkdir()
    body = "import subprocess, time\ndef test_it():\n    subprocess.Popen(['sleep', '1000'], start_new_session=True)\n    open('begun-%d', 'w').close()\n    time.sleep(1000)\n"
    tree = conftest.Tree(path).write({f"test_{i}.py": body % i for i in range(2)})
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
