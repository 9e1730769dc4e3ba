"""The fork server that starts while the interpreter is still asked: it serves, or it ends and leaves nothing."""
import os
import pathlib
import signal
import subprocess
import sys

import conftest
import pytest

FILES = {f"test_{c}.py": "import json\n\ndef test_it():\n    pass\n" for c in "ab"}
# The answer of the interpreter comes late, or not.
SLOW = "import sys, time\nif getattr(sys, 'orig_argv', [])[1:2] == ['-c']:\n    open(%r, 'w').close()\n    time.sleep(%d)\n    %s\n"


@pytest.fixture
def tree(tmp_path):
    tree = conftest.make_tree(tmp_path)
    tree.write(FILES)
    return tree


def slow(tmp_path, seconds, then="pass"):
    """What makes every interpreter slow to answer, and the file that tells when it is asked."""
    (tmp_path / "site").mkdir()
    asked = tmp_path / "asked"
    (tmp_path / "site/sitecustomize.py").write_text(SLOW % (str(asked), seconds, then))
    return {"PYTHONPATH": str(tmp_path / "site")}, asked


def started(tree, tmp_path, seconds=60, then="pass"):
    """A run that waits for its interpreter while its server is there already."""
    env, asked = slow(tmp_path, seconds, then)
    run = subprocess.Popen(
        [conftest.BUILD / "testfan", "test", "--python", tree.python], cwd=tree.path, env={**tree.env, **env}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    conftest.wait_until(asked.exists)
    conftest.wait_until(lambda: conftest.servers(tree.path))
    return run


def ends_and_leaves_nothing(tree):
    conftest.wait_until(lambda: not conftest.servers(tree.path) and not conftest.keepers(tree.path))
    assert [p.name for p in (tree.path / ".testfan/server").iterdir() if p.name != "lock"] == []
    assert not list((tree.path / ".testfan/tmp").glob("*"))


def test_it_is_there_before_the_answer_and_serves(tree, tmp_path):
    run = started(tree, tmp_path, 2)
    first = conftest.servers(tree.path)
    assert [p.name.partition(".")[0] for p in (tree.path / ".testfan/server").iterdir() if p.name != "lock"] == ["early"]
    out, err = run.communicate(timeout=60)
    assert run.returncode == 0, out + err
    assert conftest.servers(tree.path) == first
    assert not list((tree.path / ".testfan/server").glob("early*"))
    done = tree.testfan("test", "--no-cache", "-v", check=0, PYTHONPATH=str(tmp_path / "site"))
    assert conftest.servers(tree.path) == first, done.stdout


def test_what_a_target_read_is_the_same(tree):
    (tree.path / "conftest.py").write_text("import pathlib\nDATA = pathlib.Path(__file__).with_name('data.txt').read_text()\n")
    (tree.path / "data.txt").write_text("data")
    trace = tree.path / ".testfan/results/test_a.py.trace"
    tree.testfan("test", check=0)
    early = trace.read_text()
    conftest.end_servers(tree.path)
    assert "data.txt" in early
    tree.testfan("cache", "clear", check=0)
    for result in (tree.path / ".testfan/results").iterdir():
        result.unlink()
    assert (tree.path / ".testfan/cache/python.json").exists()
    tree.testfan("test", check=0)
    assert trace.read_text() == early


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_killed_meanwhile(tree, tmp_path, sent):
    run = started(tree, tmp_path)
    os.kill(run.pid, sent)
    ends_and_leaves_nothing(tree)
    for pid, words in conftest.processes(tree.path):  # the interpreter that is asked
        assert words[1] == "-c"
        os.kill(pid, 9)
    run.communicate(timeout=20)


def test_an_interpreter_that_does_not_answer(tree, tmp_path):
    run = started(tree, tmp_path, 2, "__import__('os')._exit(3)")
    out, err = run.communicate(timeout=20)
    assert run.returncode == 4 and "does not run as a Python interpreter" in err
    ends_and_leaves_nothing(tree)


def test_one_without_pytest(tree, tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    tree.python = str(tmp_path / "venv/bin/python")
    run = started(tree, tmp_path, 2)
    out, err = run.communicate(timeout=20)
    assert run.returncode == 4 and "has no pytest" in err
    ends_and_leaves_nothing(tree)


def test_one_that_is_another_in_truth(tree, tmp_path):
    shim = tmp_path / "shim"
    shim.write_text(f'#!/bin/sh\nexec {tree.python} "$@"\n')
    shim.chmod(0o755)
    real, tree.python = tree.python, str(shim)
    done = tree.testfan("test", "-v", check=0)
    assert "in a process of its own" not in done.stdout + done.stderr
    conftest.wait_until(lambda: len(conftest.servers(tree.path)) == 1)
    (pid,) = conftest.servers(tree.path)
    assert pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().startswith(os.fsencode(os.path.normpath(real)))
    assert not list((tree.path / ".testfan/server").glob("early*"))
