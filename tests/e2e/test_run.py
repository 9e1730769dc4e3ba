"""Running one target: what makes a pass, and what is left when the interpreter dies."""
import os
import pathlib
import signal
import subprocess
import time

import conftest
import pytest

CRASHES = {
    "signal": ("import os, signal\n\ndef test_a():\n    pass\n\ndef test_b():\n    os.kill(os.getpid(), signal.SIGSEGV)\n", "SIGSEGV"),
    "os-exit": ("import os\n\ndef test_a():\n    pass\n\ndef test_b():\n    os._exit(0)\n", "status 0"),
    "os-exit-7": ("import os\n\ndef test_a():\n    pass\n\ndef test_b():\n    os._exit(7)\n", "status 7"),
    "kill-group": ("import os, signal\n\ndef test_a():\n    pass\n\ndef test_b():\n    os.killpg(0, signal.SIGKILL)\n", "SIGKILL"),
}


@pytest.mark.parametrize("kind", CRASHES)
def test_a_dead_interpreter_leaves_a_report(tree, kind):
    source, cause = CRASHES[kind]
    tree.write({"test_crash.py": source, "test_fine.py": "def test_fine():\n    pass\n"})
    done = tree.testfan("test", check=1)
    assert cause in done.stdout and "test_crash.py::test_b" in done.stdout
    assert dict(tree.report()) == {
        ("test_crash", "test_a", "passed"): 1,
        ("test_crash", "test_b", "error"): 1,
        ("test_fine", "test_fine", "passed"): 1,
    }
    done, ran = tree.ran(lambda: tree.ninja("test", check=1))
    assert ran == ["test_crash.py"]


@pytest.mark.parametrize(
    "body",
    [
        "import os; os.chdir('/')",
        "import os; os.unlink(__file__)",
        "import subprocess; subprocess.Popen(['sleep', '1000'])",
        "import sys; sys.__stdout__.write('x' * 30_000_000)",
        "import os; os.environ.clear()",
    ],
)
def test_nothing_a_test_does_upsets_the_run(tree, body):
    tree.write({"test_odd.py": f"def test_odd():\n    {body}\n", "test_fine.py": "def test_fine():\n    pass\n"})
    started = time.time()
    tree.testfan("test", "-v" if "30_000" in body else "--color=no", check=0)
    assert time.time() - started < 60
    assert len(tree.report()) == 2


def test_closed_descriptors_leave_a_report(tree):
    tree.write({"test_odd.py": "def test_odd():\n    import os; os.closerange(0, 1000)\n", "test_fine.py": "def test_fine():\n    pass\n"})
    tree.testfan("test", check=1)
    assert tree.report()["test_fine", "test_fine", "passed"] == 1
    assert any(outcome == "error" for _, _, outcome in tree.report())


def test_module_level_skip_passes(tree):
    tree.write({"test_s.py": "import pytest\npytest.skip('no', allow_module_level=True)\n\ndef test_a():\n    pass\n"})
    tree.testfan("test", check=0)
    assert [o for _, _, o in tree.report()] == ["skipped"]
    assert "no work to do" in (tree.ninja("test", check=0), tree.ninja("test", check=0))[1].stdout


def test_ignored_by_a_conftest_is_ignored(tree):
    tree.write({"conftest.py": "collect_ignore = ['test_i.py']\n", "test_i.py": "def test_a():\n    assert 0\n", "test_b.py": "def test_b():\n    pass\n"})
    tree.testfan("test", check=0)
    assert tree.report() == tree.plain()


def test_deselected_by_addopts_passes(tree):
    tree.write(
        {
            "pytest.ini": "[pytest]\nmarkers = slow\naddopts = -m 'not slow'\n",
            "test_a.py": "import pytest\n\n@pytest.mark.slow\ndef test_a():\n    assert 0\n",
            "test_b.py": "def test_b():\n    pass\n",
        }
    )
    tree.testfan("test", check=0)
    assert tree.report() == tree.plain()


def test_tests_that_vanish_are_an_error(tree):
    tree.write(
        {
            "conftest.py": "def pytest_pycollect_makeitem(collector, name, obj):\n    return []\n",
            "test_a.py": "def test_a():\n    pass\n",
        }
    )
    done = tree.testfan("test", check=1)
    assert "no-tests" in done.stdout


def test_no_tests_exits_5(tree):
    tree.write({"a.py": ""})
    tree.testfan("test", check=5)


def test_import_error_is_pytests_own(tree):
    tree.write({"test_a.py": "import nosuch\n", "test_b.py": "def test_b():\n    pass\n"})
    tree.testfan("test", check=1)
    assert tree.report() == tree.plain()


@pytest.mark.parametrize("settings", ["addopts = -p no:logging --strict-config\nlog_level = INFO", "addopts = -pno:doctest --doctest-modules", "addopts = -W error -p no:faulthandler\nfaulthandler_timeout = 5"])
@pytest.mark.parametrize("words", [[], ["--no-workers"]], ids=["warm", "cold"])
def test_a_plugin_that_addopts_block_leaves_its_options(tree, settings, words):
    tree.write({"pytest.ini": f"[pytest]\n{settings}\n", "test_a.py": "def test_it(): pass\n"})
    tree.testfan("test", *words, check=0)
    assert tree.report() == tree.plain()


def test_options_of_initial_conftests(tree):
    tree.write(
        {
            "pytest.ini": "[pytest]\naddopts = --colour=red\n",
            "tests/conftest.py": "def pytest_addoption(parser):\n    parser.addoption('--colour')\n",
            "tests/test_a.py": "def test_a(pytestconfig):\n    assert pytestconfig.getoption('colour') == 'red'\n",
            "pkg/test_b.py": "def test_b(pytestconfig):\n    assert pytestconfig.getoption('colour') == 'red'\n",
        }
    )
    tree.testfan("test", check=0)
    assert tree.report() == tree.plain()


def test_interpreter_looks_like_python_m_pytest(tree):
    tree.write(
        {
            "test_a.py": "import os, sys\n\ndef test_a():\n    assert sys.path[0] != '' and '.testfan' not in ''.join(sys.path)\n"
            "    assert sys.argv[0].endswith(os.path.join('pytest', '__main__.py'))\n"
            "    assert sys.modules['__main__'].__spec__.name == 'pytest.__main__'\n    assert 'TESTFAN_SESSION' not in os.environ\n"
        }
    )
    tree.testfan("test", check=0)


def test_maxfail_stops_the_run(tree):
    tree.write({f"test_{i}.py": "def test_a():\n    assert 0\n" for i in range(8)})
    done = tree.testfan("test", "--maxfail=1", "-j1", check=1)
    assert sum(tree.report().values()) == 1
    tree.testfan("test", "-j2", check=1)
    assert sum(tree.report().values()) == 8


def running(path):
    """The processes at work in `path`, but for the fork server itself, which waits for more."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            where = os.readlink(process / "cwd")
        except OSError:
            continue
        if where == str(path) and os.getsid(int(process.name)) == int(process.name):
            found.append(int(process.name))
    return [pid for pid in found if pid not in conftest.lasting(path) and pid not in conftest.keepers(path)]


def test_interrupt_ends_everything(tree):
    tree.write({f"test_{i}.py": "import time\n\ndef test_a():\n    time.sleep(300)  # testfan-e2e-sleeper\n" for i in range(3)})
    process = subprocess.Popen(
        [conftest.BUILD / "testfan", "test", "--python", tree.python],
        cwd=tree.path, env=tree.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )
    log = tree.path / ".testfan/tmp"
    for _ in range(200):
        time.sleep(0.1)
        if any(p.stat().st_size for p in log.glob("report.log*")):
            break
    assert running(tree.path)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(20) == 2
    time.sleep(0.3)
    assert running(tree.path) == []
    assert not list(tree.path.rglob("*.ok"))


def test_an_interrupted_run_reports_what_ran(tree):
    """As pytest does: what had not run is no error, and an older report no result."""
    tree.write({"test_a.py": "def test_a():\n    assert 0\n", "test_z.py": "def test_z():\n    pass\n"})
    tree.testfan("test", check=1)
    slow = "import time\n\ndef test_z():\n    open('begun', 'w').close()\n    time.sleep(300)  # testfan-e2e-sleeper\n"
    tree.write({"test_a.py": "def test_a():\n    pass\n", "test_z.py": slow})
    words = [conftest.BUILD / "testfan", "test", "--python", tree.python, "-j1"]
    process = subprocess.Popen(words, cwd=tree.path, env=tree.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    conftest.wait_until((tree.path / "begun").exists)
    process.send_signal(signal.SIGINT)
    said, warned = process.communicate(timeout=20)
    ran = [test for test in tree.report() if test[1] == "test_a"]
    assert process.returncode == 2 and "interrupted" in warned
    assert "no readable report" not in said and "test_z" not in said
    assert len(ran) == 1 and list(tree.report()) == ran and all(outcome == "passed" for _, _, outcome in ran)
    tree.write({"test_z.py": "def test_z():\n    pass\n"})
    tree.testfan("test", check=0)
    assert sum(tree.report().values()) == 2


def test_two_at_once_wait_for_each_other(tree):
    tree.write({f"test_{i}.py": "import time\n\ndef test_a():\n    time.sleep(0.2)\n" for i in range(4)})
    words = [conftest.BUILD / "testfan", "test", "--python", tree.python]
    both = [subprocess.Popen(words, cwd=tree.path, env=tree.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in range(2)]
    outputs = [p.communicate(timeout=120)[0] for p in both]
    assert [p.returncode for p in both] == [0, 0]
    assert sum("waiting" in o for o in outputs) == 1
    assert sum(tree.report().values()) == 4


def test_a_foreign_build_ninja_is_left_alone(tree):
    tree.write({"build.ninja": "rule cc\n", "test_a.py": "def test_a():\n    pass\n"})
    done = tree.testfan("gen", check=4)
    assert "[not-ours]" in done.stderr
    assert (tree.path / "build.ninja").read_text() == "rule cc\n"


def test_missing_tools_say_what_to_install(tree):
    tree.write({"test_a.py": "def test_a():\n    pass\n"})
    done = tree.run(conftest.BUILD / "testfan", "test", "--python", "nosuch", check=4)
    assert "nosuch" in done.stderr and "hint" in done.stderr
    done = tree.testfan("test", NINJA="/nosuch/ninja", check=4)
    assert "install" in done.stderr


def test_full_disk_leaves_the_old_files_whole(tree):
    tree.write({"test_a.py": "def test_a():\n    pass\n"})
    tree.testfan("test", check=0)
    before = (tree.path / "build.ninja").read_bytes()
    tree.write({f"test_b{i}.py": "def test_a():\n    pass\n" for i in range(20)})
    limited = f"ulimit -f 1; exec {conftest.BUILD}/testfan gen --python {tree.python}"
    done = tree.run("bash", "-c", limited)
    assert done.returncode != 0 and "[io]" in done.stderr
    assert (tree.path / "build.ninja").read_bytes() == before
    tree.testfan("test", check=0)
    assert sum(tree.report().values()) == 21


def test_last_failed_is_pytests_own(tree):
    tree.write({"test_a.py": "def test_a():\n    assert 0\n", "test_b.py": "def test_b():\n    pass\n"})
    tree.testfan("test", check=1)
    done = tree.run(tree.python, "-m", "pytest", "--lf", "-q")
    assert "1 failed" in done.stdout and "passed" not in done.stdout


def test_environment_that_counts(tree):
    tree.write({"test_a.py": "def test_a():\n    pass\n"})
    tree.testfan("test", check=0)
    done, ran = tree.ran(lambda: tree.testfan("test", check=0))
    assert ran == []
    done, ran = tree.ran(lambda: tree.testfan("test", check=0, TZ="Asia/Tokyo"))
    assert ran == ["test_a.py"]


def test_virtual_environment_in_the_tree(tree):
    """Its distributions are no part of the tree, and they answer imports all the same."""
    tree.write({"test_a.py": "import onething\n\ndef test_a():\n    assert onething.X\n"})
    tree.run(tree.python, "-m", "venv", "--without-pip", ".venv", check=0)
    site = next(tree.path.glob(".venv/lib/python*/site-packages"))
    (site / "onething.py").write_text("X = 1\n")
    base = tree.run(tree.python, "-c", "import pytest, os; print(os.path.dirname(os.path.dirname(pytest.__file__)))").stdout
    (site / "base.pth").write_text(base)
    done = tree.run(conftest.BUILD / "testfan", "test", check=0)
    assert "unresolved" not in done.stderr
    assert tree.testfan("select").stdout.split() == ["test_a.py"]


ORDERS = {"marks": ("-m 'not slow'", "-m slow"), "plugin": ("-p mine", "-p no:mine"), "both": ("-p mine -p no:mine", "")}


@pytest.mark.parametrize("words", [[], ["--no-workers"]], ids=["warm", "cold"])
@pytest.mark.parametrize("order", ORDERS)
def test_what_the_environment_adds_counts_after_addopts(tree, order, words):
    addopts, tree.env["PYTEST_ADDOPTS"] = ORDERS[order]
    tree.env["PYTHONPATH"] = str(tree.path)
    slow = "import pytest\n\n@pytest.mark.slow\ndef test_slow(): pass\n\ndef test_plugin(request): assert not request.config.pluginmanager.has_plugin('mine')\n"
    tree.write({"pytest.ini": f"[pytest]\nmarkers = slow\naddopts = {addopts}\n", "mine.py": "", "test_a.py": slow})
    tree.testfan("test", *words, check=0)
    assert tree.report() == tree.plain()
