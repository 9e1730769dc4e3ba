"""What no test should do: each leaves a report that names it and holds what had finished before, and nothing that still runs."""
import os
import pathlib
import shutil
import signal
import subprocess
import time

import conftest
import pytest

FILES = {f"test_{c}.py": "def test_it():\n    pass\n" for c in "ac"}
BAD = "import os, pytest, signal, subprocess, sys, time\n\ndef test_first():\n    pass\n\ndef test_bad():\n    {body}\n\ndef test_last():\n    pass\n"


@pytest.fixture
def tree(tmp_path):
    return conftest.make_tree(tmp_path)


def alive(tree, mark):
    """What runs in the tree or has the mark in its words, but for a server that waits."""
    waiting = set(conftest.servers(tree.path)) | set(conftest.keepers(tree.path))
    found = []
    for pid, words in everything():
        if pid not in waiting and (mark in words or lies_below(pid, tree.path)):
            found.append((pid, words))
    return found


def everything():
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
            if state != "Z":
                yield int(entry.name), (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            pass


def lies_below(pid, path):
    try:
        return pathlib.Path(f"/proc/{pid}/cwd").resolve().is_relative_to(path)
    except OSError:
        return False


@pytest.fixture
def mark():
    return f"{386400 + os.getpid()}.{time.time_ns() % 1000}"


# What it does -> what becomes of it; None: an error that names it.
BODIES = {
    "ends at once": ("os._exit(0)", None),
    "kills its group": ("os.killpg(0, 9)", None),
    "kills its parent": ("os.kill(os.getppid(), 9); time.sleep(60)", None),
    "kills its parent's group": ("os.killpg(os.getpgid(os.getppid()), 9); time.sleep(60)", None),
    "kills its session": ("os.setpgid(0, 0) if os.getpgrp() != os.getpid() else 0; subprocess.Popen(['sleep', '{mark}']); [os.kill(int(p), 9) for p in os.listdir('/proc') if p.isdigit() and int(p) != os.getpid() and sid(int(p)) == os.getsid(0)]; os.kill(0, 9)", None),
    "stops its parent": ("os.kill(os.getppid(), signal.SIGSTOP)", "passed"),
    "stops itself": ("os.kill(os.getpid(), signal.SIGSTOP)", None),
    "stops itself and is woken up": ("subprocess.Popen(['sh', '-c', 'sleep 0.5; kill -CONT %d' % os.getpid()]); os.kill(os.getpid(), signal.SIGSTOP)", "passed"),
    "closes all descriptors": ("os.closerange(0, 100000)", None),
    "leaves a child": ("subprocess.Popen(['sleep', '{mark}'])", "passed"),
    "leaves a child in another session": ("subprocess.Popen(['sleep', '{mark}'], start_new_session=True)", "passed"),
    "leaves daemons": ("subprocess.run(['sh', '-c', 'for i in 1 2 3; do setsid sh -c \"sleep {mark} & sleep {mark}; true\" >/dev/null 2>&1 & done']); time.sleep(0.3)", "passed"),
    "leaves a fork": ("pid = os.fork()\n    if not pid:\n        os.setsid()\n        if os.fork(): os._exit(0)\n        os.closerange(0, 1000); time.sleep(1000)\n    os.waitpid(pid, 0)", "passed"),
    "leaves daemons and dies": ("subprocess.run(['sh', '-c', 'setsid sleep {mark} >/dev/null 2>&1 & setsid sleep {mark} &']); time.sleep(0.3); os._exit(3)", None),
    "kills its parent and leaves a daemon": ("subprocess.run(['sh', '-c', 'setsid sleep {mark} &']); time.sleep(0.3); os.kill(os.getppid(), 9); time.sleep(60)", None),
    "prints without end": ("while 1: os.write(1, b'x' * (1 << 20))", None),
    "changes directory": ("os.chdir('/')", "passed"),
    "deletes its file": ("os.unlink(__file__)", "passed"),
    "changes its umask": ("os.umask(0o777)", "passed"),
    "may open no more files": ("import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))", None),
    "may write no more files": ("import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))", None),
    "blocks all signals and hangs": ("signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65)); [signal.signal(s, signal.SIG_IGN) for s in (1, 2, 15)]; time.sleep(1000)", None),
    "recurses": ("sys.setrecursionlimit(1 << 30); f = lambda *_: list(map(f, [1])); f()", None),
    "reads its input": ("assert os.read(0, 10) == b''", "passed"),
    "starts threads that stay": ("import threading; [threading.Thread(target=time.sleep, args=[1000], daemon=True).start() for _ in range(5)]", "passed"),
    "forks and goes on": ("os.fork()", "passed"),
}  # fmt: skip
SID = "\ndef sid(pid):\n    try:\n        return os.getsid(pid)\n    except OSError:\n        return None\n"


@pytest.mark.parametrize("mode", [[], ["--no-workers"]], ids=["server", "cold"])
@pytest.mark.parametrize("name", BODIES)
def test_each_leaves_a_report_and_nothing_else(tree, mark, name, mode):
    body, outcome = BODIES[name]
    tree.write({**FILES, "test_b.py": BAD.replace("{body}", body.replace("{mark}", mark)) + SID, "pyproject.toml": f"[tool.testfan]\ntimeout-per-file = {5 if 'hangs' in name else 40}\n"})
    done = tree.testfan("test", "-j2", "--strict-isolation", *mode, check=0 if outcome else 1, timeout=120)
    found = tree.report()
    for other in "ac":
        assert found[f"test_{other}", "test_it", "passed"] == 1
    assert found["test_b", "test_first", "passed"] == 1
    assert found["test_b", "test_bad", outcome or "error"] == 1, (found, done.stdout)
    assert sum(found.values()) == (5 if outcome else 4)
    assert alive(tree, mark) == []


def test_ninja_alone_leaves_the_same(tree, mark):
    body = BODIES["kills its parent and leaves a daemon"][0].replace("{mark}", mark)
    tree.write({**FILES, "test_b.py": BAD.replace("{body}", body)})
    tree.testfan("gen", check=0)
    done = tree.ninja("test", check=1)
    assert "test_b.py::test_bad" in done.stdout
    assert tree.report()["test_b", "test_bad", "error"] == 1 and sum(tree.report().values()) == 4
    assert alive(tree, mark) == []


MODES = pytest.mark.parametrize("mode", [[], ["--no-workers"]], ids=["server", "cold"])


@MODES
@pytest.mark.parametrize("what", [".", ".testfan", ".testfan/tmp", ".testfan/results", ".testfan/server", ".testfan/rules", ".testfan/cache"])
def test_what_is_made_is_removed_meanwhile(tree, mark, what, mode):
    """The folders of testfan itself, or the whole tree, are gone when the test ends; the next run is right."""
    files = {**FILES, "test_b.py": BAD.replace("{body}", f"import shutil; shutil.rmtree({what!r})")}
    tree.write(files)
    done = tree.testfan("test", "-j1", "--strict-isolation", *mode, timeout=60)
    assert done.returncode in (0, 1, 3) and "test_b.py" in done.stdout + done.stderr, done
    if what != ".":
        found = tree.report()
        assert found["test_b", "test_first", "passed"] == 1 and sum(found.values()) >= 5, done
    tree.write({**files, "test_b.py": FILES["test_a.py"]})
    tree.testfan("test", *mode, check=0)
    assert sum(tree.report().values()) == 3
    assert alive(tree, mark) == []


@MODES
def test_files_that_are_none(tree, mode):
    tree.write({**FILES, "test_folder.py/test_in.py": FILES["test_a.py"], "conftest.py": "import pytest\n"})
    for name in "test_fifo.py", "fifo.txt", "sub/conftest.py", "data/fifo":
        (tree.path / name).parent.mkdir(exist_ok=True)
        os.mkfifo(tree.path / name)
    (tree.path / "sub/conftest.py").unlink()
    (tree.path / "test_gone.py").symlink_to("nowhere.py")
    tree.write({"test_a.py": "# testfan: data=data/*\nNAME = 'fifo.txt'\ndef test_it():\n    pass\n"})
    for _ in range(2):
        tree.testfan("test", *mode, timeout=60)
        (tree.path / "plain.ini").write_text("[pytest]\naddopts = --ignore=test_fifo.py --ignore=test_gone.py\n")
        assert {case for case in tree.report() if case[2] == "passed"} == set(tree.plain("-c", "plain.ini", "--rootdir=."))
        (tree.path / "plain.ini").unlink()


# What a test says to the server that it was forked from.
WORDS = """
import glob, json, os, socket, struct, threading, time

def connect():
    (path,) = [p for p in glob.glob('.testfan/server/*') if os.path.basename(p).isalnum() and p[-4:] != 'lock']
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    return s

def request(body, length=None):
    s = connect()
    r, w = os.pipe()
    socket.send_fds(s, [struct.pack('I', len(body) if length is None else length)], [w])
    os.close(w)
    s.sendall(body)
    return s, r

def test_first():
    pass

def test_bad():
    held = [connect() for _ in range(20)]
    held[0].sendall(b'x')
    held += [request(body)[0] for body in (b'[]', b'{}', b'1', b'null', b'\\xff', b'', b'{"umask": 0}', b'{"file": "x", "preload": [], "umask": 0}')]
    held += [request(b'x', 1 << 31)[0]]
    time.sleep(1)
"""


def test_a_test_that_talks_to_the_server(tree, mark):
    tree.write({"test_b.py": WORDS, **{f"test_{i}.py": "def test_it():\n    pass\n" for i in range(12)}})
    done = tree.testfan("test", "-v", "-j2", check=0, timeout=100)
    assert "in a process of its own" not in done.stdout + done.stderr
    assert sum(tree.report().values()) == 14
    assert len(conftest.servers(tree.path)) == 1 and alive(tree, mark) == []


# On a disk of its own, so that it can be filled.
FULL = """
set -e
mount -t tmpfs -o size=2m none {tree}
cd {tree}
cp ../files/* .
{testfan} test --python {python} {mode}
echo 'def test_more(): print("x" * 3000); assert 0' >> test_b.py
cat /dev/zero > fill 2>/dev/null || true
set +e
{testfan} test --python {python} {mode} --strict-isolation
echo "full: $?"
rm fill
{testfan} test --python {python} {mode} --strict-isolation
echo "free: $?"
ls .testfan/tmp | wc -l
cp .testfan/report.xml ..
"""


@MODES
def test_a_full_disk(tree, mark, mode):
    names = sorted(f"test_{c}.py" for c in "abcdef")
    (tree.path.parent / "files").mkdir()
    for name in names:
        (tree.path.parent / "files" / name).write_text("def test_it():\n    pass\n")
    script = FULL.format(tree=tree.path, testfan=conftest.BUILD / "testfan", python=tree.python, mode=" ".join(mode))
    done = tree.run("unshare", "-m" if os.geteuid() == 0 else "-rm", "sh", "-c", script, cwd=tree.path.parent, check=0, timeout=100)
    assert "No space left on device" in done.stdout + done.stderr
    assert "full: 0" not in done.stdout and "free: 1" in done.stdout and done.stdout.endswith("0\n"), done.stdout
    assert sum(tree.report("../report.xml").values()) == 7
    assert alive(tree, mark) == []


def test_a_conftest_that_hangs(tree, mark):
    """The server never answers: it is given up, the targets hang by themselves, and the server ends."""
    tree.write({**FILES, "conftest.py": "import time\ntime.sleep(1000)\n", "pyproject.toml": "[tool.testfan]\ntimeout-per-file = 3\n"})
    done = tree.testfan("test", "-j2", "-v", check=1, timeout=60, TESTFAN_START="1")
    assert "did not answer" in done.stdout + done.stderr
    assert done.stdout.count("timed out after 3 s") >= 2 and set(o for _, _, o in tree.report()) == {"error"}
    for _ in range(600):
        if not conftest.servers(tree.path):
            break
        time.sleep(0.1)
    assert not conftest.servers(tree.path) and alive(tree, mark) == []


def test_a_broken_conftest_is_shown_once(tree):
    tree.write({"conftest.py": "import nosuch\n", **{f"test_{i}.py": "def test_it():\n    pass\n" for i in range(3)}})
    done = tree.testfan("test", check=1)
    assert done.stdout.count("ModuleNotFoundError: No module named 'nosuch'") == 1
    assert [line.strip("_ ") for line in done.stdout.splitlines() if line.startswith("___")] == ["test_0.py", "test_1.py", "test_2.py"]
