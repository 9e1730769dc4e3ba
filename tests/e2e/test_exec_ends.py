"""`testfan exec run` by itself: how a target can end, what its report tells then, and that nothing of it goes on."""
import os
import pathlib
import signal
import subprocess
import time

import conftest
import pytest

PASS = "def test_a():\n    pass\n"


# What a test or a conftest does, and what the error must tell; the tests before it are in the report.
DEATHS = {
    "segfault": ("import ctypes; ctypes.string_at(0)", "killed by SIGSEGV while running test_a.py::test_b"),
    "killpg": ("import os; os.killpg(0, 9)", "killed by SIGKILL while running test_a.py::test_b"),
    "_exit(0)": ("import os; os._exit(0)", "status 0 while running test_a.py::test_b"),
    "_exit(9)": ("import os; os._exit(9)", "status 9 while running test_a.py::test_b"),
    "pytest.exit": ("import pytest; pytest.exit('enough')", "status 2 though no test failed"),
    "abort": ("import os; os.write(2, b'\\0last \\x1bwords'); os.abort()", "SIGABRT"),
    "recursion": ("import threading, sys; threading.stack_size(65536); sys.setrecursionlimit(10**9)\n"
                  "    def f(): f()\n    import os; os.kill(os.getpid(), 11)", "SIGSEGV"),
    "interrupt": ("raise KeyboardInterrupt", "status 2 though no test failed"),
}


@pytest.mark.parametrize("name", DEATHS)
def test_death_leaves_a_report(folder, name):
    body, cause = DEATHS[name]
    folder.write({"test_a.py": f"def test_a(): pass\ndef test_b():\n    {body}\ndef test_c(): pass\n"}).exec(args=["-s"])
    assert not folder.passed()
    assert ("test_a", "passed") in folder.outcomes()
    (error,) = folder.errors()
    assert cause in error
    if name == "abort":
        assert "#x00last #x1Bwords" in error


@pytest.mark.parametrize(
    "conftest_py, cause",
    [
        ("import os\ndef pytest_collection_finish(): os.kill(os.getpid(), 9)\n", "SIGKILL"),
        ("import os\nos.kill(os.getpid(), 11)\n", "SIGSEGV"),
        ("import os\ndef pytest_unconfigure(): os._exit(0)\n", "status 0 before pytest had finished"),
        ("import atexit, os\natexit.register(os._exit, 9)\n", "status 9 after pytest had finished with 0"),
        ("import atexit, os\natexit.register(os.kill, os.getpid(), 6)\n", "killed by SIGABRT"),
        ("def pytest_collection(): 1 / 0\n", "internal error\n"),
        ("def pytest_configure(): raise __import__('pytest').UsageError('bad words')\n", "bad words"),
        ("1 / 0\n", "ZeroDivisionError"),
    ],
)
def test_death_outside_of_tests(folder, conftest_py, cause):
    folder.write({"test_a.py": PASS, "conftest.py": conftest_py}).exec()
    assert not folder.passed()
    assert cause in folder.errors()[0]


def test_truncated_report(folder):
    folder.write({"conftest.py": "def pytest_unconfigure(config): open(config.option.xmlpath, 'r+').truncate(100)\n", "test_a.py": PASS}).exec()
    assert not folder.passed()
    assert "no complete report" in folder.errors()[0] and ("test_a", "passed") in folder.outcomes()


def test_interpreter_that_is_none(folder, tmp_path):
    folder.write({"test_a.py": PASS})
    done = folder.exec(python="/nosuch/python")
    assert "status 127" in done.stdout and "cannot start the interpreter" in folder.errors()[0]
    subprocess.run([folder.python, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    folder.exec(python=tmp_path / "bare/bin/python")
    assert "No module named 'pytest'" in folder.errors()[0]


# What must not upset the log, the report or exec itself.
DEEDS = {
    "descriptors closed": "import os; os.closerange(3, 1000)",
    "descriptors used up": "import os, pytest\n    try:\n        while 1: os.dup(0)\n    except OSError: pass",
    "folder left": "import os; os.chdir('/')",
    "file removed": "import os; os.unlink(__file__)",
    "environment emptied": "import os; os.environ.clear()",
    "fork that returns": "import os, sys\n    if os.fork() == 0: os._exit(0)\n    os.wait()",
    "fork that goes on": "import os\n    pid = os.fork()\n    if pid: os.waitpid(pid, 0)",
    "os patched": "import os; os.open = os.write = os.close = os.getpid = None",
    "signals ignored": "import signal\n    for s in (1, 2, 15): signal.signal(s, signal.SIG_IGN)",
    "thread left": "import threading, time; threading.Thread(target=time.sleep, args=[60], daemon=True).start()",
    "time frozen": "import time; time.time = time.perf_counter = lambda: 0",
}


@pytest.mark.parametrize("name", DEEDS)
def test_nothing_a_test_does_upsets_exec(folder, name):
    body = DEEDS[name]
    restore = "import os\nold = dict(vars(os))\ndef test_b(): vars(os).update(old)\n" if "patched" in name else ""
    folder.write({"test_a.py": f"{restore}def test_a():\n    {body}\n"})
    plain = folder.run(folder.python, "-m", "pytest", "-p", "no:cacheprovider", f"--junitxml={folder.path}/plain.xml")
    folder.write({"test_a.py": f"{restore}def test_a():\n    {body}\n"}).exec()
    assert folder.passed() == (plain.returncode == 0), plain.stdout
    if plain.returncode == 0:
        assert conftest.read_cases(folder.results / "test_a.py.xml") == conftest.read_cases(folder.path / "plain.xml")


def test_output_without_end(folder):
    folder.write({"test_a.py": "import os\ndef test_a():\n    os.write(1, b'the first line\\n')\n    while 1: os.write(1, b'x' * 65536)\n"})
    started = time.time()
    folder.run(*folder.words("test_a.py", args=["-s"], timeout=5), check=0)
    assert time.time() - started < 20
    (error,) = folder.errors()
    assert error.startswith("timed out after 5 s while running test_a.py::test_a")
    assert len(error) < 20000


def processes(mark):
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark in path.read_bytes().decode(errors="replace"):
                found.append(path.parent.name)
        except OSError:
            pass
    return found


def gone(mark):
    for _ in range(100):
        if not processes(mark):
            return True
        time.sleep(0.05)
    return False


def test_what_a_test_leaves_behind_is_ended(folder):
    mark = f"{86400 + os.getpid()}.5"
    folder.write({"test_a.py": f"import subprocess\ndef test_a(): subprocess.Popen(['sleep', '{mark}'])\n"}).exec()
    assert folder.passed() and gone(mark)


STUBBORN = """
import signal, subprocess, time
def test_a():
    for s in (1, 2, 15): signal.signal(s, signal.SIG_IGN)
    subprocess.Popen(['sleep', '%s'])
    open('begun', 'w').close()
    time.sleep(300)
"""


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
@pytest.mark.parametrize("stubborn", [False, True])
def test_told_to_stop(folder, sent, stubborn):
    mark = f"{186400 + os.getpid()}.5"
    source = STUBBORN % mark
    folder.write({"test_a.py": PASS}).exec()
    folder.write({"test_a.py": source if stubborn else source.replace("SIG_IGN", "SIG_DFL")})
    before = folder.text()
    process = subprocess.Popen(folder.words("test_a.py"), cwd=folder.path, env=folder.env, stdout=subprocess.PIPE)
    while not (folder.path / "begun").exists():
        assert process.poll() is None
        time.sleep(0.02)
    started = time.time()
    process.send_signal(sent)
    assert process.wait(10) == (-9 if sent == signal.SIGKILL else 128 + sent)
    assert time.time() - started < (3 if stubborn else 1)
    assert not folder.passed() and folder.text() == before
    assert gone(str(folder.path))
    if sent != signal.SIGKILL:
        assert gone(mark)
        assert list((folder.path / ".testfan/tmp").iterdir()) == []
    for pid in processes(mark):
        os.kill(int(pid), 9)


SLOW = """
import threading, time
def wait_for_long():
    time.sleep(600)
def test_first():
    pass
def test_slow():
    threading.Thread(target=wait_for_long, name='other', daemon=True).start()
    %s
def test_last():
    pass
"""


@pytest.mark.parametrize("body", ["time.sleep(300)", "import re; re.match(r'(a+)+$', 'a' * 40 + 'b')", "import os; os.closerange(3, 100); time.sleep(300)"])
def test_time_limit_of_a_test(folder, body):
    folder.write({"test_a.py": SLOW % body}).exec(limit=1.5)
    assert not folder.passed()
    assert ("test_first", "passed") in folder.outcomes() and ("test_slow", "error") in folder.outcomes()
    (error,) = folder.errors()
    if "closerange" in body:
        assert "while running test_a.py::test_slow" in error
        return
    assert error.startswith("timed out after 1.5 s while running test_a.py::test_slow")
    assert "in wait_for_long" in error and "in test_slow" in error


def test_time_limit_is_for_each_test(folder):
    folder.write({"test_a.py": "import pytest, time\n@pytest.mark.parametrize('i', range(4))\ndef test_a(i): time.sleep(0.5)\n"}).exec(limit=1.5)
    assert folder.passed()


def test_time_limits_of_the_configuration(folder):
    folder.write({"test_a.py": "import time\ndef test_a(): time.sleep(300)\n", "pyproject.toml": "[tool.testfan]\ntimeout = 1\n"})
    folder.testfan("test", check=1)
    assert "timed out after 1 s" in folder.errors()[0]
    folder.write({"pyproject.toml": "[tool.testfan]\ntimeout-per-file = 1.5\nworkers = false\n"})
    folder.testfan("test", check=1)
    assert "timed out after 1.5 s" in folder.errors()[0]
    folder.write({"test_a.py": "def test_a(): pass\n", "pyproject.toml": "[tool.testfan]\ntimeout = \"auto\"\ntimeout-per-file = \"auto\"\n"})
    assert "1 passed" in folder.testfan("test", check=0).stdout
    folder.write({"pyproject.toml": "[tool.testfan]\ntimeout = 0\n"})
    assert "[config]" in folder.testfan("test", check=4).stderr
