"""The second opinion comes from a child of the fork server, which collects while other files still run."""
import collections
import os
import pathlib
import signal
import subprocess
import time

import conftest
import pytest

LEANS = "import sys\n\ndef test_leans():\n    assert 'xml.dom.minidom' in sys.modules\n\ndef test_other():\n    pass\n"
WRONG = "def test_right():\n    pass\n\ndef test_wrong():\n    assert False\n"
FILES = {
    "tests/test_first.py": "import xml.dom.minidom\n\ndef test_first():\n    assert xml.dom.minidom\n",
    "tests/test_leans.py": LEANS,
    "tests/test_more.py": "def test_more():\n    pass\n",
}
# Notes who has collected several files; FORKED is true in a child of the fork server.
NOTES = """import os, pathlib, time

FORKED = b"testfan_server" in pathlib.Path("/proc/self/cmdline").read_bytes()
NOTED = pathlib.Path(os.environ["NOTED"])

def pytest_collection_modifyitems(items):
    if len({item.path for item in items}) > 1:
        %s
        with NOTED.open("a") as file:
            file.write("forked\\n" if FORKED else "started\\n")

def wait_until(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
"""
# A file that runs until the whole suite has been collected beside it, and then does something.
SLOW = """import pathlib, conftest

def test_slow():
    if "test_leans" not in globals():
        conftest.wait_until(conftest.NOTED.exists)
        %s
"""


@pytest.fixture
def tree(tmp_path):
    tree = conftest.make_tree(tmp_path).write(FILES).write({"tests/conftest.py": NOTES % "pass"})
    tree.env["NOTED"] = str(tmp_path / "noted")
    return tree


def noted(tree):
    path = pathlib.Path(tree.env["NOTED"])
    return path.read_text().split() if path.exists() else []


def run(tree, *words, check=0, **kw):
    return tree.testfan("test", "-v", "-j2", *words, check=check, **kw)


def why_started(done):
    return [line.split("by a process of its own: ")[1] for line in (done.stdout + done.stderr).splitlines() if "by a process of its own: " in line]


def children(path):
    found = conftest.servers(path)
    return [pid for pid in found if pid not in conftest.lasting(path)]


def wait_until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def end_and_leave_nothing(tree):
    wait_until(lambda: not children(tree.path))
    assert len(conftest.lasting(tree.path)) <= 1
    if conftest.lasting(tree.path):
        wait_until(lambda: not list((tree.path / ".testfan/server").glob("*.company")))


def test_the_suite_is_collected_beside_what_still_runs(tree):
    tree.write({"tests/test_slow.py": SLOW % "pass"})
    done = run(tree)
    assert done.stderr.count("[order-dependent]") == 1 and why_started(done) == []
    assert noted(tree) == ["forked"]
    end_and_leave_nothing(tree)
    assert len(conftest.lasting(tree.path)) == 1


def test_bare_ninja(tree):
    tree.write({"tests/test_slow.py": SLOW % "pass"}).testfan("gen", check=0)
    done = tree.ninja("-j2", "test", check=0)
    assert "[order-dependent]" in done.stdout and noted(tree) == ["forked"]
    end_and_leave_nothing(tree)


def test_ninja_of_one_file_leaves_nothing(tree):
    tree.testfan("gen", check=0)
    done = tree.ninja("tests/test_leans.py.test", check=1)
    assert "[order-dependent]" not in done.stdout
    end_and_leave_nothing(tree)


@pytest.mark.parametrize("words", [["--strict-isolation"], ["--no-workers"]])
def test_none_where_it_is_not_wanted(tree, words):
    run(tree, *words, check=int("--strict-isolation" in words))
    assert "forked" not in noted(tree)


@pytest.mark.parametrize("words", [[], ["--no-workers"]])
def test_it_is_no_warning(tree, words):
    tree.write({"pytest.ini": "[pytest]\nfilterwarnings = error\n"})
    done = run(tree, *words)
    assert done.stderr.count("[order-dependent]") == 1 and why_started(done) == []


def test_serial_files_have_nothing_beside_them(tree):
    serial = "# testfan: serial\nimport pathlib, time, conftest\n\ndef test_serial():\n    time.sleep(1)\n    assert not conftest.NOTED.exists()\n"
    tree.write({"tests/test_serial.py": serial})
    done = run(tree)
    assert "[order-dependent]" in done.stderr and noted(tree) == ["forked"]


def test_what_was_asked_is_not_collected_for_again(tree):
    tree.write({"tests/test_leans.py": WRONG})
    run(tree, check=1)
    assert noted(tree) == ["forked"]
    run(tree, check=1)
    assert noted(tree) == ["forked"]


def test_many_failures_collect_once(tree):
    tree.write({f"tests/test_leans_{i}.py": LEANS for i in range(6)})
    done = tree.testfan("test", "-v", "-j8", check=0)
    assert done.stderr.count("[order-dependent]") == 7 and why_started(done) == []
    assert noted(tree) == ["forked"]
    assert tree.report() == tree.plain()


def test_guests_run_at_the_same_time(tree, tmp_path):
    meet = LEANS + "\ndef test_meets():\n    import pathlib, conftest\n    if 'xml.dom.minidom' in sys.modules:\n        pathlib.Path(%r).touch()\n        conftest.wait_until(pathlib.Path(%r).exists)\n"
    a, b = str(tmp_path / "a"), str(tmp_path / "b")
    tree.write({"tests/test_leans.py": meet % (a, b), "tests/test_leans_too.py": meet % (b, a)})
    done = run(tree)
    assert done.stderr.count("[order-dependent]") == 2 and why_started(done) == []


def test_one_job_is_one_guest(tree, tmp_path):
    busy = tmp_path / "busy"
    alone = LEANS + f"\ndef test_alone():\n    import pathlib, time\n    busy = pathlib.Path({str(busy)!r})\n    busy.mkdir()\n    time.sleep(0.5)\n    busy.rmdir()\n"
    tree.write({"tests/test_leans.py": alone, "tests/test_leans_too.py": alone})
    done = tree.testfan("test", "-v", "-j1", check=0)
    assert done.stderr.count("[order-dependent]") == 2 and why_started(done) == []


def test_a_guest_ends_at_its_first_failure(tree, tmp_path):
    more = f"\ndef test_more():\n    with open({str(tmp_path / 'runs')!r}, 'a') as file:\n        file.write('x')\n"
    tree.write({"tests/test_leans.py": WRONG + more})
    done = run(tree, check=1)
    assert (tmp_path / "runs").read_text() == "x" and why_started(done) == []
    assert tree.report() == tree.plain()


def test_a_suite_that_cannot_be_collected_as_a_whole(tree):
    tree.write({"tests/test_broken.py": "import nowhere_to_be_found\n", "tests/test_skipped.py": "import pytest\npytest.skip('not here', allow_module_level=True)\n"})
    done = run(tree, check=1)
    assert "tests/test_leans.py: warning" in done.stderr and why_started(done) == []
    assert tree.report() == tree.plain()


@pytest.mark.parametrize("words", [["--maxfail", "1"], ["--retries", "2"], ["--maxfail=3", "--retries=1"], ["tests/test_leans.py"]])
def test_with_other_options(tree, words):
    done = run(tree, *words, check=None)
    # A run that --maxfail has stopped before its end is no pass.
    assert done.returncode == 0 or "--maxfail" in words and done.returncode == 1, done.stdout + done.stderr
    assert done.stderr.count("[order-dependent]") == 1 and why_started(done) == []
    assert tree.report()["tests.test_leans", "test_leans", "passed"] == 1
    end_and_leave_nothing(tree)


def test_what_a_retry_mends_needs_no_opinion(tree, tmp_path):
    flaky = f"import pathlib\n\ndef test_flaky():\n    state = pathlib.Path({str(tmp_path / 'state')!r})\n    seen = state.exists()\n    state.touch()\n    assert seen\n"
    tree.write({"tests/test_leans.py": flaky})
    run(tree, "--retries", "1")
    assert noted(tree) == []


def test_what_is_printed_while_collecting_is_not_in_the_way(tree):
    loud = "import os, sys\nprint('x' * 3000000)\nos.write(1, b'y' * 3000000)\n"
    tree.write({"tests/test_first.py": loud + FILES["tests/test_first.py"]})
    done = run(tree, "--", "-s")
    assert "[order-dependent]" in done.stderr and why_started(done) == []


# What ends the child, or keeps it from its work; the opinion is then taken as it would be without.
SPOILED = {
    "dies": ("FORKED and os.kill(os.getpid(), 9)", "has not come to an end"),
    "exits": ("FORKED and os._exit(0)", "has not come to an end"),
    "raises": ("assert not FORKED", "has not come to an end"),
    "hangs": ("FORKED and time.sleep(600)", "has not come to an end"),
    "thread": ("__import__('threading').Thread(target=time.sleep, args=(60,), daemon=True).start()", "has started a thread"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_spoiled(tree, name):
    deed, why = SPOILED[name]
    tree.write({"tests/conftest.py": NOTES % deed, "tests/test_leans_too.py": LEANS})
    done = run(tree, TESTFAN_GATHER="3")
    assert done.stderr.count("[order-dependent]") == 2
    assert len(why_started(done)) == 1 and (why in why_started(done)[0] or "no fork server" in why_started(done)[0])
    assert tree.report() == tree.plain()
    end_and_leave_nothing(tree)


def test_a_guest_that_ends_the_others_spoils_no_opinion_on_them(tree):
    kills = LEANS + "\ndef test_kills():\n    import os, time\n    if 'xml.dom.minidom' in sys.modules:\n        time.sleep(1)\n        os.killpg(0, 9)\n"
    waits = LEANS + "\ndef test_waits():\n    import time\n    if 'xml.dom.minidom' in sys.modules:\n        time.sleep(3)\n"
    tree.write({"tests/test_leans.py": waits, "tests/test_kills.py": kills})
    done = run(tree, check=1)
    assert "tests/test_leans.py: warning" in done.stderr and "tests/test_kills.py: warning" not in done.stderr
    end_and_leave_nothing(tree)


# A file that was read, a data file, a conftest.py that appears.
@pytest.mark.parametrize(
    "changes",
    [
        "pathlib.Path(__file__).with_name('test_more.py').write_text('def test_changed(): pass\\n')",
        "pathlib.Path(__file__).with_name('data.txt').write_text('changed')",
        "pathlib.Path(__file__).with_name('conftest.py').write_text(pathlib.Path(__file__).with_name('conftest.py').read_text() + '\\n')",
        "pathlib.Path(__file__).with_name('json.py').write_text('')",
    ],
)
def test_what_has_changed_since_is_collected_anew(tree, changes):
    tree.write({
        "tests/data.txt": "first", "tests/test_slow.py": SLOW % changes,
        "tests/test_first.py": FILES["tests/test_first.py"] + "\nimport json, os\nDATA = open(os.path.join(os.path.dirname(__file__), 'data' + '.txt')).read()\n",
    })  # fmt: skip
    done = run(tree)
    assert "[order-dependent]" in done.stderr
    (why,) = why_started(done)
    assert "has changed" in why or "was written while" in why or "no fork server" in why
    end_and_leave_nothing(tree)


def test_a_file_that_is_written_meanwhile_is_not_trusted(tree):
    writes = "pathlib.Path(__file__).with_name('test_more.py').write_text('def test_changed(): pass\\n')"
    tree.write({"tests/conftest.py": NOTES % f"FORKED and {writes}"})
    done = run(tree)
    assert "[order-dependent]" in done.stderr
    assert any(reason in why_started(done)[0] for reason in ("was written while", "has changed"))


STOPS = [("collecting", 2), ("collecting", 15), ("collecting", 9), ("collected", 2), ("collected", 15), ("guest", 2), ("guest", 15), ("guest", 9)]


@pytest.mark.parametrize("when, sent", STOPS)
def test_a_run_that_is_stopped_leaves_nothing(tree, tmp_path, when, sent):
    begun = tmp_path / "begun"
    sleep = f"__import__('time').sleep(600) if __import__('pathlib').Path({str(begun)!r}).touch() is None else 0"
    tree.write({
        "collecting": {"tests/conftest.py": NOTES % f"FORKED and ({sleep})"},
        "collected": {"tests/test_slow.py": SLOW % sleep},
        "guest": {"tests/test_leans.py": LEANS + f"\ndef test_waits():\n    'xml.dom.minidom' in sys.modules and ({sleep})\n"},
    }[when])  # fmt: skip
    words = [conftest.BUILD / "testfan", "test", "--python", tree.python, "-j2"]
    with subprocess.Popen(words, cwd=tree.path, env=tree.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True) as testfan:
        wait_until(begun.exists)
        os.killpg(testfan.pid, sent) if sent == signal.SIGKILL else os.kill(testfan.pid, sent)
        testfan.wait(30)
    end_and_leave_nothing(tree)
    assert not list(tree.path.glob(".testfan/results/**/*.asked"))


def test_real_failures_among_all(project):
    tree = project("flask")
    done = tree.testfan("test", "-v", check=1)
    assert why_started(done) == []
    assert collections.Counter(outcome for _, _, outcome in tree.report().elements())["failure"] == 1
    assert list(tree.path.glob(".testfan/results/**/*.asked"))
