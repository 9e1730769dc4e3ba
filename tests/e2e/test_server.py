"""The fork server: a child is like a process of its own, doubts make a run cold, and nothing stays behind."""
import collections
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time
import xml.etree.ElementTree as ElementTree

import conftest
import pytest

FILES = {f"test_{c}.py": "def test_it():\n    pass\n" for c in "abcd"}


@pytest.fixture
def tree(tmp_path):
    return conftest.make_tree(tmp_path)


def outcomes(tree):
    return collections.Counter(outcome for _, _, outcome in tree.report().elements())


def touch(tree, *names):
    for path in tree.path.rglob("test_*.py"):
        if not names or path.name in names:
            path.write_text(path.read_text() + "\n")


def run(tree, *words, check=0, **kw):
    return tree.testfan("test", "-v", *words, check=check, timeout=120, **kw)


def is_cold(done):
    return "in a process of its own" in done.stdout + done.stderr


def why_cold(done):
    return "\n".join(re.findall("in a process of its own: (.*)", done.stdout + done.stderr))


def warm(tree, **kw):
    done = run(tree, **kw)
    assert not is_cold(done), why_cold(done)
    assert len(conftest.servers(tree.path)) == 1
    return done


def text_of(tree, name, suffix="xml"):
    return (tree.path / f".testfan/results/{name}.{suffix}").read_text()


def test_one_server_for_many_clients_and_runs(tree):
    tree.write(FILES)
    warm(tree)
    first = conftest.servers(tree.path)
    touch(tree)
    warm(tree)
    assert conftest.servers(tree.path) == first
    assert outcomes(tree) == {"passed": 4}


def test_nothing_changed_starts_no_python(tree):
    tree.write(FILES)
    warm(tree)
    conftest.end_servers(tree.path)
    conftest.wait_until(lambda: not conftest.servers(tree.path))
    run(tree)
    assert conftest.servers(tree.path) == []


def test_no_workers(tree):
    tree.write(FILES)
    run(tree, "--no-workers")
    assert conftest.servers(tree.path) == [] and outcomes(tree) == {"passed": 4}


# What went wrong in prototypes.
HOOKS = """
import os
def pytest_%s(): os.mkdir(os.environ['WORK'] + '/made-%%d' %% os.getpid())
def pytest_%s(): os.rmdir(os.environ['WORK'] + '/made-%%d' %% os.getpid())
"""


@pytest.mark.parametrize("before, after", [("sessionstart", "sessionfinish"), ("configure", "unconfigure")])
def test_hooks_of_the_session_run_once_for_each_target(tree, tmp_path, before, after):
    tree.write({**FILES, "conftest.py": HOOKS % (before, after)})
    touch(tree)
    tree.write({"test_a.py": "import os\ndef test_it(): assert os.path.isdir(os.environ['WORK'] + '/made-%d' % os.getpid())\n"})
    warm(tree, WORK=str(tmp_path))
    assert outcomes(tree) == {"passed": 4} and list(tmp_path.glob("made*")) == []


def test_output_is_its_own(tree):
    body = "import os, sys, time\ndef test_it():\n    for i in range(50):\n        print('line of %s'); os.write(1, b'bytes of %s\\n'); os.write(2, b'error of %s\\n'); time.sleep(0.001)\n    assert 0\n"
    tree.write({name: body.replace("%s", name) for name in FILES})
    tree.write({"pytest.ini": "[pytest]\njunit_logging = all\n"})
    for extra in [], ["--", "-s"]:
        done = run(tree, "-j4", *extra, check=1)
        assert not is_cold(done)
        where = tree.path / ".testfan" if not extra else next((tree.path / ".testfan/runs").iterdir())
        for name in FILES:
            text = (where / f"results/{name}.xml").read_text()
            assert not any(other in text for other in FILES if other != name)
            if not extra:
                assert text.count(f"line of {name}") == text.count(f"bytes of {name}") == text.count(f"error of {name}") >= 50


def test_times_begin_with_the_target(tree):
    tree.write(FILES)
    warm(tree)
    time.sleep(2)
    touch(tree)
    done = warm(tree)
    suite = ElementTree.fromstring(text_of(tree, "test_a.py")).find("testsuite")
    assert float(suite.get("time")) < 1
    stamp = suite.get("timestamp")[:19]
    assert time.time() - time.mktime(time.strptime(stamp, "%Y-%m-%dT%H:%M:%S")) < 1.9 or time.timezone
    assert all(float(s) < 1 for s in re.findall(r"1 passed in ([\d.]+)s", done.stderr + done.stdout))


@pytest.mark.parametrize("addopts", ["-n 2", "--basetemp=bt", "-p no:cacheprovider --lf", "-x", "--dist=loadfile -n auto"])
def test_options_of_the_whole_run(tree, addopts):
    tree.write({**FILES, "pytest.ini": f"[pytest]\naddopts = {addopts}\n"})
    tree.write({"test_a.py": "def test_it(tmp_path):\n    (tmp_path / 'x').write_text('x')\n", "test_b.py": "def test_it(tmp_path):\n    pass\n"})
    warm(tree)
    assert outcomes(tree) == {"passed": 4}


def test_what_was_read_before_the_fork_is_an_input(tree):
    tree.write({
        **FILES,
        "conftest.py": "import helper\n",
        "helper.py": "import pathlib\nDATA = (pathlib.Path(__file__).parent / ('va' + 'lue')).read_text()\n",
        "value": "1",
        "test_a.py": "import helper\ndef test_it(): assert helper.DATA == '1'\n",
    })  # fmt: skip
    warm(tree)
    for name in FILES:
        assert re.search(r"^r\+? \S+ value$", text_of(tree, name, "trace"), re.M), text_of(tree, name, "trace")
    tree.write({"value": "2"})
    done = run(tree, check=1)
    assert not is_cold(done)
    assert outcomes(tree) == {"passed": 3, "failure": 1}


def test_preloading_is_no_warning(tree):
    tree.write({**FILES, "pytest.ini": "[pytest]\nfilterwarnings = error\naddopts = -p helper\npythonpath = .\n", "helper.py": ""})
    warm(tree)
    assert outcomes(tree) == {"passed": 4}


# When something has changed that the server has read.
@pytest.mark.parametrize("changed", ["conftest.py", "helper.py", "pytest.ini"])
def test_a_server_is_not_older_than_what_it_read(tree, changed):
    files = {
        "conftest.py": "import pytest, helper\n@pytest.fixture\ndef value(request): return %d, helper.value, request.config.getini('faulthandler_timeout')\n",
        "helper.py": "value = %d\n", "pytest.ini": "[pytest]\nfaulthandler_timeout = %d\n",
    }  # fmt: skip
    tree.write({name: text % 0 for name, text in files.items()})
    tree.write({"test_a.py": "import json, os\ndef test_it(value): open(os.environ['SEEN'], 'w').write(repr([int(float(v)) for v in value]))\n"})
    seen = tree.path.parent / "seen"
    warm(tree, SEEN=str(seen))
    assert seen.read_text() == "[0, 0, 0]"
    stat = (tree.path / changed).stat()
    tree.write({changed: files[changed] % 10})
    os.utime(tree.path / changed, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    touch(tree)
    warm(tree, SEEN=str(seen))
    assert seen.read_text() == repr([10 * (name == changed) for name in files])


# Where there was nothing, and the server looked.
APPEARING = {
    "conftest.py": "raise ValueError('seen')\n",
    "tests/conftest.py": "raise ValueError('seen')\n",
    "pytest.ini": "[pytest]\nxfail_strict = nonsense\nminversion = 1000\n",
    "first/helper.py": "raise ValueError('seen')\n",
    "textwrap.py": "raise ValueError('seen')\n",
    "pkg/sub.py": None,
}


@pytest.mark.parametrize("name", APPEARING)
def test_what_appears_is_seen(tree, name):
    tree.write({
        "tests/test_a.py": "import helper, pkg.sub\ndef test_it(): pass\n", "setup.cfg": "[tool:pytest]\npythonpath = first second\ntestpaths = tests\naddopts = -p plug\n",
        "second/helper.py": "", "second/plug.py": "import helper, pkg.sub\n", "first/x": "", "second/pkg/__init__.py": "", "second/pkg/sub.py": "",
    })  # fmt: skip
    warm(tree)
    if name == "pkg/sub.py":
        tree.write({"second/pkg/sub/__init__.py": "raise ValueError('seen')\n"})
    else:
        tree.write({name: APPEARING[name]})
    tree.write({"tests/test_a.py": (tree.path / "tests/test_a.py").read_text() + "\n"})
    done = tree.testfan("test", "--no-workers", check=None)
    assert done.returncode, done.stdout
    (tree.path / ".testfan/results/tests/test_a.py.xml").unlink()
    done = tree.testfan("test", check=None)
    assert done.returncode, done.stdout


def test_environments_have_servers_of_their_own(tree):
    tree.write({"test_a.py": "import os\ndef test_it(): assert os.environ['COLOUR'] == 'red' and os.umask(0) == 0o77\n"})
    old = os.umask(0o77)
    try:
        warm(tree, COLOUR="red")
        touch(tree)
        run(tree, check=1, COLOUR="green")
        touch(tree)
        run(tree, COLOUR="red")
    finally:
        os.umask(old)
    assert len(conftest.servers(tree.path)) == 2


# What makes a fork differ from a process of its own, and what is said of it; None: nothing, for it comes after the fork.
DOUBTS = {
    "a thread in configure": ("import threading, time\ndef pytest_configure(): threading.Thread(target=time.sleep, args=[60], daemon=True).start()\n", None),
    "a thread": ("import threading, time\nthreading.Thread(target=time.sleep, args=[60], daemon=True).start()\n", "started a thread"),
    "a process": ("import subprocess\nP = subprocess.Popen(['sleep', '1'])\n", "started a process"),
    "an open file": ("FILE = open(__file__)\n", "keeps"),
    "a folder": ("import tempfile\nDIR = tempfile.mkdtemp(dir=__import__('os').environ['WORK'])\n", "makes the folder"),
    "a written file": ("import os\nopen(os.environ['WORK'] + '/log', 'w').close()\n", "writes"),
    "a connection": ("import socket\ns = socket.socket()\ntry: s.connect(('127.0.0.1', 9))\nexcept OSError: pass\ns.close()\n", "connects to"),
    "a plugin that says no": ("testfan_no_fork = 'I keep a handle'\n", "I keep a handle"),
    "a usage error": ("import pytest\ndef pytest_configure(): raise pytest.UsageError('no')\n", None),
    "an import error": ("1 / 0\n", "before it collected"),
    "an end": ("import os\nos._exit(3)\n", "has ended"),
    "a folder that is gone": ("import tempfile\nwith tempfile.TemporaryDirectory() as d: pass\n", None),
    "a thread that has ended": ("import threading\nt = threading.Thread(target=print)\nt.start(); t.join()\n", None),
    "a process that has ended": ("import subprocess\nsubprocess.run(['true'])\n", None),
}  # fmt: skip


@pytest.mark.parametrize("name", DOUBTS)
def test_doubts(tree, tmp_path, name):
    conftest_py, reason = DOUBTS[name]
    tree.write({**FILES, "conftest.py": conftest_py})
    broken = "error" in name or name == "an end"
    done = run(tree, check=1 if broken else 0, WORK=str(tmp_path))
    assert bool(reason) == is_cold(done), why_cold(done)
    if reason:
        assert reason in why_cold(done)
        conftest.wait_until(lambda: not conftest.servers(tree.path))
    assert outcomes(tree) == ({"error": 4} if broken else {"passed": 4})


def test_a_thread_that_starts_later_makes_the_next_ones_cold(tree):
    tree.write({**FILES, "conftest.py": "import os, threading, time\nos.register_at_fork(after_in_parent=lambda: threading.Thread(target=time.sleep, args=[60], daemon=True).start())\n"})
    done = run(tree, "-j1")
    assert is_cold(done) and outcomes(tree) == {"passed": 4}


def test_a_folder_that_others_can_enter(tree):
    tree.write(FILES)
    (tree.path / ".testfan/server").mkdir(parents=True)
    (tree.path / ".testfan/server").chmod(0o755)
    done = run(tree)
    assert "not its user's alone" in why_cold(done) and conftest.servers(tree.path) == []
    shutil.rmtree(tree.path / ".testfan")
    warm(tree)
    assert (tree.path / ".testfan/server").stat().st_mode & 0o777 == 0o700


def test_somebody_else_is_not_served(tree):
    tree.write(FILES)
    warm(tree)
    (name,) = [p for p in (tree.path / ".testfan/server").iterdir() if p.is_socket()]
    if os.geteuid() != 0:
        pytest.skip("only root can be somebody else")
    for path in (name.parent, name):
        path.chmod(0o777)
    other = "import os, socket, sys; os.setuid(65534); s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(b'xxxx'); print(s.recv(8))"
    fd = os.open(name.parent, os.O_PATH)
    done = subprocess.run([tree.python, "-c", other, f"/proc/self/fd/{fd}/{name.name}"], pass_fds=[fd], capture_output=True, text=True, timeout=20)
    os.close(fd)
    assert done.stdout == "b''\n" or "ConnectionResetError" in done.stderr or "PermissionError" in done.stderr, done.stderr
    name.parent.chmod(0o700)
    touch(tree)
    warm(tree)


def test_words_that_are_no_request(tree):
    import socket

    tree.write(FILES)
    warm(tree)
    (name,) = [p for p in (tree.path / ".testfan/server").iterdir() if p.is_socket()]
    before = conftest.servers(tree.path)
    for words in b"", b"x", b"\xff\xff\xff\xff", b"\x02\0\0\0{}", b"\x02\0\0\0":
        with socket.socket(socket.AF_UNIX) as s:
            here = os.getcwd()
            os.chdir(name.parent)
            s.connect(name.name)
            os.chdir(here)
            s.sendall(words)
    touch(tree)
    warm(tree)
    assert conftest.servers(tree.path) == before


def test_long_path(tmp_path):
    path = tmp_path / ("x" * 100) / ("y" * 100)
    path.mkdir(parents=True)
    tree = conftest.Tree(path).write(FILES)
    warm(tree)


def test_stale_socket(tree):
    tree.write(FILES)
    warm(tree)
    first = conftest.servers(tree.path)
    conftest.end_servers(tree.path)
    conftest.wait_until(lambda: not conftest.servers(tree.path))
    touch(tree)
    warm(tree)
    assert conftest.servers(tree.path) != first and outcomes(tree) == {"passed": 4}


def test_an_idle_server_ends(tree):
    tree.write(FILES)
    run(tree, TESTFAN_IDLE="1")
    conftest.wait_until(lambda: not conftest.servers(tree.path))
    assert not any(p.is_socket() for p in (tree.path / ".testfan/server").iterdir())


def test_a_server_whose_tree_is_gone_ends(tree):
    tree.write(FILES)
    warm(tree)
    shutil.rmtree(tree.path)
    conftest.wait_until(lambda: not conftest.servers(tree.path.parent))


def test_the_server_does_not_hold_ninja_up(tree):
    tree.write(FILES)
    tree.testfan("gen", check=0)
    started = time.monotonic()
    tree.ninja("test", check=0)
    assert time.monotonic() - started < 20 and len(conftest.servers(tree.path)) == 1
    (pid,) = conftest.servers(tree.path)
    assert os.getsid(pid) == pid
    assert {os.readlink(f"/proc/{pid}/fd/{fd}").split(":")[0] for fd in (0, 1, 2)} == {"/dev/null", "pipe"}


# What a test does to the server, to its process or to others.
DEEDS = {
    "kills the server": ("import os; os.kill(os.getppid(), 9) if 'testfan_server' in open('/proc/%d/cmdline' % os.getppid()).read() else None", "passed"),
    "stops the server's group": ("import os\n    if 'testfan_server' in open('/proc/%d/cmdline' % os.getppid()).read(): os.killpg(os.getppid(), 9)", "passed"),
    "_exit": ("import os; os._exit(0)", "error"),
    "kills its group": ("import os; os.killpg(0, 9)", "error"),
    "closes all": ("import os; os.closerange(0, 10000)", None),
    "leaves children": ("import os, time\n    for i in range(5):\n        if os.fork() == 0:\n            time.sleep(1000); os._exit(0)", "passed"),
    "leaves a child in a session of its own": ("import subprocess; subprocess.Popen(['sleep', '0.1'], start_new_session=True)", "passed"),
    "chdir": ("import os; os.chdir('/')", "passed"),
    "deletes its file": ("import os; os.unlink(__file__)", "passed"),
    "fork that goes on": ("import os\n    if not os.fork(): pass", "passed"),
}  # fmt: skip


@pytest.mark.parametrize("name", DEEDS)
def test_deeds(tree, name):
    body, outcome = DEEDS[name]
    tree.write({**FILES, "test_b.py": f"def test_first(): pass\ndef test_it():\n    {body}\ndef test_last(): pass\n"})
    done = run(tree, "-j2", check=None)
    assert done.returncode in (0, 1)
    report = tree.report()
    for other in "acd":
        assert report[f"test_{other}", "test_it", "passed"] == 1
    assert report["test_b", "test_first", "passed"] == 1
    if outcome:
        assert report["test_b", "test_it", outcome] == 1, report
    for pid in conftest.servers(tree.path):
        children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True).stdout.split()
        assert children == []
    tree.write({"test_b.py": FILES["test_b.py"]})
    touch(tree)
    run(tree)


def test_output_that_is_more_than_memory_may_hold(tree):
    """It is shown as it comes, and nobody on the way keeps more than a part of it."""
    printed, most = 300 << 20, 200 << 20
    tree.write({"test_b.py": f"import os\ndef test_it():\n    for i in range({printed >> 16}): os.write(1, b'x' * 65535 + b'\\n')\n"})
    words = [conftest.BUILD / "testfan", "test", "--python", tree.python, "-v", "-j2", "--", "-s"]
    run_ = subprocess.Popen(words, cwd=tree.path, env=tree.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    length, last = 0, b""
    while chunk := run_.stdout.read(1 << 20):
        length, last = length + len(chunk), (last + chunk)[-10000:]
    _, status, used = os.wait4(run_.pid, 0)
    run_.returncode = status
    assert status == 0 and b"1 passed" in last
    assert length > printed and used.ru_maxrss << 10 < most


def test_killed_in_the_middle(tree):
    tree.write({f"test_{c}.py": "import time\ndef test_it(): time.sleep(1)\n" for c in "abcd"})
    run_ = subprocess.Popen([conftest.BUILD / "testfan", "test", "--python", tree.python, "-j2", "-v"], cwd=tree.path, env=tree.env, stdout=subprocess.PIPE, text=True)
    conftest.wait_until(lambda: conftest.servers(tree.path))
    time.sleep(1)
    conftest.end_servers(tree.path)
    assert "4 passed" in run_.communicate(timeout=60)[0]
    assert run_.returncode == 0 and outcomes(tree) == {"passed": 4}


def test_an_exec_that_is_killed_takes_its_child_with_it(tree):
    mark = f"{286400 + os.getpid()}.5"
    tree.write({"test_a.py": f"import subprocess\ndef test_it():\n    p = subprocess.Popen(['sleep', '{mark}'])\n    open('begun', 'w').close()\n    p.wait()\n"})
    run_ = subprocess.Popen([conftest.BUILD / "testfan", "test", "--python", tree.python], cwd=tree.path, env=tree.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    conftest.wait_until((tree.path / "begun").exists)
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if (path / "cwd").resolve() == tree.path and b"\0exec\0run\0" in (path / "cmdline").read_bytes():
                os.kill(int(path.name), signal.SIGKILL)
        except OSError:
            pass
    run_.wait(20)
    conftest.wait_until(lambda: subprocess.run(["pgrep", "-f", mark], capture_output=True).returncode == 1)
    assert len(conftest.servers(tree.path)) == 1


def test_many_clients_at_once_start_one_server(tree):
    tree.write({f"test_{i}.py": "def test_it(): pass\n" for i in range(30)})
    done = run(tree, "-j30")
    assert not is_cold(done) and len(conftest.servers(tree.path)) == 1
    assert outcomes(tree) == {"passed": 30}


def test_a_fork_notes_what_a_process_of_its_own_notes(tree):
    """What the server lists and looks at for itself is still to be noted when a test does."""
    looks = "import os, glob, pathlib\n\ndef test_it():\n    for place in '.', 'tests', 'pkg':\n        os.listdir(place)\n        list(os.scandir(place))\n"
    looks += "    [p.exists() for name in ('conftest.py', 'pytest.ini', 'tests/conftest.py', 'pkg/helper.py', 'helper.py', 'x') for p in [pathlib.Path(name)]]\n"
    looks += "    [open(p).close() for p in glob.glob('**/*.py', recursive=True) + ['setup.cfg']]\n"
    tree.write(
        {
            "tests/test_a.py": looks, "tests/conftest.py": "import pkg.helper\n", "pkg/__init__.py": "", "pkg/helper.py": "", "data.txt": "",
            "setup.cfg": "[tool:pytest]\ntestpaths = tests\n",
        }
    )  # fmt: skip

    def noted(*words):
        (tree.path / ".testfan/results/tests/test_a.py.xml").unlink()
        tree.testfan("test", *words, check=0)
        return sorted(line for line in text_of(tree, "tests/test_a.py", "trace").splitlines() if not line.startswith(("m ", "w ")))

    tree.testfan("test", check=0)
    cold = noted("--no-workers")
    assert noted() == cold
    (tree.path / "more.txt").touch()
    done, ran = tree.ran(lambda: tree.testfan("test", check=0))
    assert ran == ["tests/test_a.py"]
