"""Session isolation: processes that go on from file to file, what they may not hide, and when they are chosen by themselves."""
import collections
import json
import os
import pathlib
import re
import subprocess

import conftest
import pytest

SESSION = ["--isolation", "session"]
# Notes which process sets up and tears down.
NOTES = """
import os, pytest, sys, time

def note(word):
    with open(os.environ["NOTES"], "a") as file:
        file.write("%s %d\\n" % (word, os.getpid()))

@pytest.fixture(scope="session")
def database():
    note("up")
    time.sleep(float(os.environ.get("DEAR", 0)))
    yield os.getpid()
    note("down")
"""
USES = "import os\n\ndef test_first(database):\n    assert database == os.getpid()\n\ndef test_second(database):\n    print('printed by', __file__)\n"


@pytest.fixture
def tree(tmp_path):
    tree = conftest.make_tree(tmp_path)
    tree.env["NOTES"] = str(tmp_path / "notes")
    return tree


def notes(tree):
    path = pathlib.Path(tree.env["NOTES"])
    text = path.read_text() if path.exists() else ""
    path.unlink(missing_ok=True)
    return [tuple(line.split()) for line in text.splitlines()]


def suite(tree, files=6, **more):
    tree.write({"conftest.py": NOTES, "pytest.ini": "[pytest]\n", **{f"test_{i}.py": USES for i in range(files)}, **more})
    return tree


def run(tree, *words, check=0, **kw):
    done = tree.testfan("test", "-v", *words, check=check, **kw)
    assert "in a process of its own" not in done.stdout + done.stderr, done.stdout + done.stderr
    return done


def text_of(tree, name, suffix="xml"):
    return (tree.path / f".testfan/results/{name}.{suffix}").read_text()


def ran_after(log):
    """How many files had run in the process before the one whose log it is."""
    return json.loads(log.read_text().splitlines()[0]).get("after", 0)


def touch(tree, *names):
    for path in tree.path.rglob("test_*.py"):
        if not names or path.name in names:
            path.write_text(path.read_text() + "\n")


def workers(tree):
    found = conftest.servers(tree.path)
    return [pid for pid in found if conftest.parent_of(pid) in found]


def test_fixtures_of_the_session_are_set_up_once_for_each_worker(tree):
    suite(tree)
    run(tree, "-j1", *SESSION)
    seen = notes(tree)
    assert [word for word, _ in seen] == ["up", "down"] and len({pid for _, pid in seen}) == 1
    assert tree.report() == tree.plain()
    notes(tree)
    touch(tree)
    run(tree, "-j2", *SESSION)
    seen = collections.Counter(word for word, _ in notes(tree))
    assert seen["up"] == seen["down"] <= 2
    assert tree.report() == tree.plain() and not workers(tree)


def test_file_isolation_sets_up_for_each_file(tree):
    run(suite(tree), "-j2", "--isolation", "file")
    assert collections.Counter(word for word, _ in notes(tree)) == {"up": 6, "down": 6}


SAID = {
    "everywhere": {"pyproject.toml": "[tool.testfan]\nisolation = 'session'\n"},
    "a folder": {"pyproject.toml": "[tool.testfan]\nisolation = 'file'\nfolders.'db'.isolation = 'session'\n"},
    "a comment": {"pyproject.toml": "[tool.testfan]\nisolation = 'file'\n"},
}


@pytest.mark.parametrize("where", SAID)
def test_it_can_be_said_in_many_ways(tree, where):
    first = "# testfan: isolation=session\n" if where == "a comment" else ""
    tree.write({"conftest.py": NOTES, **SAID[where], **{f"db/test_{i}.py": first + USES for i in range(4)}})
    run(tree, "-j1")
    assert [word for word, _ in notes(tree)] == ["up", "down"]
    tree.write({"db/test_3.py": "# testfan: isolation=file\n" + USES})
    touch(tree)
    run(tree, "-j1")
    assert [word for word, _ in notes(tree)].count("up") == 2


def test_fixtures_of_modules_classes_and_packages_end_where_pytest_ends_them(tree):
    scopes = "".join(
        f"@pytest.fixture(scope='{scope}', autouse=True)\ndef of_{scope}(request):\n    note('up-{scope}')\n    yield\n    note('down-{scope}')\n\n"
        for scope in ("package", "module", "class", "function")
    )
    tree.write({"conftest.py": NOTES + scopes, "pytest.ini": "[pytest]\n"})
    tree.write({f"{package}/__init__.py": "" for package in ("first", "second")})
    tree.write({f"{package}/test_{name}.py": "def test_it(database): pass\nclass TestA:\n    def test_a(self): pass\n" for package in ("first", "second") for name in "ab"})
    run(tree, "-j1", *SESSION)
    ours = [word for word, _ in notes(tree)]
    tree.plain()
    assert ours == [word for word, _ in notes(tree)]


def test_results_are_plain_pytests(tree):
    tree.write(
        {
            "conftest.py": NOTES,
            "test_a.py": "import pytest\n\ndef test_passes(database): pass\n\ndef test_fails(database): assert 0\n\n@pytest.mark.xfail\ndef test_x(): assert 0\n\n@pytest.mark.skip\ndef test_s(): pass\n",
            "test_b.py": "import pytest\npytest.skip('all of it', allow_module_level=True)\n",
            "test_c.py": "import nowhere_to_be_found\n",
            "test_d.py": "import pytest\n\n@pytest.mark.parametrize('x', 'abc')\ndef test_p(x, database): assert x != 'b'\n",
            "test_e.py": "def helper(): pass\n",
            "test_f.py": "import unittest\n\nclass TestIt(unittest.TestCase):\n    def setUp(self): self.x = 1\n    def test_it(self): assert self.x\n",
        }
    )
    tree.testfan("test", "-j1", *SESSION, check=1)
    assert tree.report() == tree.plain()


@pytest.mark.parametrize("name", conftest.NAMES)
def test_real_projects(project, name):
    tree = project(name)
    done = tree.testfan("test", "-j2", *SESSION)
    cold = re.findall("in a process of its own: .*", done.stdout + done.stderr)
    assert not cold
    assert max(ran_after(path) for path in (tree.path / ".testfan/results").rglob("*.log")) > 2
    assert tree.report() == tree.plain(conftest.KNOWN[name]["tests"])


def test_output_belongs_to_the_file_that_printed_it(tree):
    loud = NOTES.replace('note("up")', 'print("set up by", os.getpid())')
    say = "import os\n\ndef test_it(database):\n    print('line of NAME'); os.write(1, b'bytes of NAME\\n'); os.write(2, b'error of NAME\\n')\n"
    tree.write({"conftest.py": loud, "pytest.ini": "[pytest]\njunit_logging = all\n", **{f"test_{c}.py": say.replace("NAME", c) for c in "abcd"}})
    run(tree, "-j1", *SESSION)
    texts = {c: text_of(tree, f"test_{c}.py") for c in "abcd"}
    for c, text in texts.items():
        assert all(f"{what} of {c}" in text for what in ("line", "bytes", "error"))
        assert not any(f"line of {other}" in text for other in "abcd" if other != c)
    assert sum("set up by" in text for text in texts.values()) == 1


def test_what_a_worker_has_read_counts_for_every_later_file(tree):
    reads = NOTES.replace('note("up")', 'note("up"); open("schema.sql").close()')
    files = {f"test_{i}.py": USES for i in range(3)}
    tree.write({"conftest.py": reads, "schema.sql": "1", "one.txt": "1", **files, "test_1.py": USES + "\ndef test_reads():\n    open('one' + '.txt').close()\n"})
    run(tree, "-j1", *SESSION)
    for name in files:
        assert re.search(r"^r\+? \S+ schema.sql$", text_of(tree, name, "trace"), re.M)
    order = [path.name[:-4] for path in sorted((tree.path / ".testfan/results").glob("*.log"), key=ran_after)]
    tree.write({"one.txt": "2"})
    _, ran = tree.ran(lambda: run(tree, "-j1", *SESSION))
    assert ran == sorted(order[order.index("test_1.py") :])
    tree.write({"schema.sql": "2"})
    _, ran = tree.ran(lambda: run(tree, "-j1", *SESSION))
    assert ran == sorted(files)
    assert tree.testfan("test", *SESSION, check=0).stdout.startswith("0 of 3")


def test_what_changes_while_a_worker_waits_gives_another(tree):
    tree.write({"conftest.py": NOTES, "helper.py": "VALUE = 1\n", **{f"test_{c}.py": "import helper, os\n\ndef test_it(database):\n    with open(os.environ['NOTES'], 'a') as file: file.write('value %d\\n' % helper.VALUE)\n" for c in "ab"}})
    tree.testfan("gen", check=0)
    tree.ninja("test_a.py.test", check=0, TESTFAN_ISOLATION="session")
    assert len(workers(tree)) == 1
    tree.ninja("test_b.py.test", check=0, TESTFAN_ISOLATION="session")
    assert [word for word, _ in notes(tree)] == ["up", "value", "value"]
    tree.write({"helper.py": "VALUE = 22\n"})
    tree.ninja("test_b.py.test", check=0, TESTFAN_ISOLATION="session")
    assert ("value", "22") in notes(tree)


def test_an_idle_worker_ends_and_tears_down(tree):
    suite(tree, 1).testfan("gen", check=0)
    tree.ninja("test_0.py.test", check=0, TESTFAN_ISOLATION="session", TESTFAN_IDLE="1")
    conftest.wait_until(lambda: not workers(tree), 60)
    assert [word for word, _ in notes(tree)] == ["up", "down"]


def test_bare_ninja_waits_for_the_workers(tree):
    suite(tree).testfan("gen", check=0)
    tree.ninja("-j2", "test", check=0, TESTFAN_ISOLATION="session")
    seen = collections.Counter(word for word, _ in notes(tree))
    assert seen["up"] == seen["down"] <= 2 and not workers(tree)


# What a test does to the process that it shares.
DEEDS = {
    "_exit": ("import os; os._exit(0)", "error"),
    "kills its group": ("import os; os.killpg(0, 9)", "error"),
    "segfault": ("import ctypes; ctypes.string_at(0)", "error"),
    "closes all": ("import os; os.closerange(3, 10000)", None),
    "chdir": ("import os; os.chdir('/')", "passed"),
    "deletes its file": ("import os; os.unlink(__file__)", "passed"),
    "fork that goes on": ("import os\n    if not os.fork(): pass", "passed"),
    "prints much": ("print('x' * 1000000)", "passed"),
    "raises SystemExit": ("raise SystemExit(3)", "failure"),
    "interrupts": ("raise KeyboardInterrupt", None),
    "pytest.exit": ("import pytest; pytest.exit('enough', 4)", None),
}  # fmt: skip


@pytest.mark.parametrize("name", DEEDS)
def test_deeds(tree, name):
    body, outcome = DEEDS[name]
    suite(tree, 3, **{"test_1.py": f"def test_first(): pass\ndef test_it():\n    {body}\ndef test_last(): pass\n"})
    done = tree.testfan("test", "-j1", *SESSION, timeout=120)
    assert done.returncode in (0, 1), done.stdout
    report = tree.report()
    for other in "02":
        assert report[f"test_{other}", "test_first", "passed"] == report[f"test_{other}", "test_second", "passed"] == 1
    assert report["test_1", "test_first", "passed"] == 1
    if outcome:
        assert report["test_1", "test_it", outcome] == 1, report
    assert not workers(tree)


def test_a_crash_names_the_test_and_the_next_file_gets_another_process(tree):
    suite(tree, 3, **{"test_1.py": "import os\n\ndef test_dies(database): os.abort()\n"})
    done = tree.testfan("test", "-j1", *SESSION, check=1)
    assert "killed by SIGABRT while running test_1.py::test_dies" in done.stderr
    assert tree.report()["test_1", "test_dies", "error"] == 1


@pytest.mark.parametrize("limit", ["timeout", "timeout-per-file"])
def test_a_time_limit_ends_only_the_file_that_is_running(tree, limit):
    suite(tree, 3, **{"test_1.py": "import time\n\ndef test_hangs(database): time.sleep(600)\n", "pyproject.toml": f"[tool.testfan]\n{limit} = 1\n"})
    done = tree.testfan("test", "-j1", *SESSION, check=1)
    assert "test_1.py: timed out after 1 s while running test_1.py::test_hangs" in done.stderr
    report = tree.report()
    assert report["test_0", "test_first", "passed"] == report["test_2", "test_first", "passed"] == report["test_1", "test_hangs", "error"] == 1


FAILING = NOTES.replace('note("down")', 'note("down"); raise ValueError("the database is gone")')


@pytest.mark.parametrize("how", ["testfan", "a part", "ninja"])
def test_a_failing_tear_down_is_not_lost(tree, how):
    suite(tree, 3, **{"conftest.py": FAILING})
    if how == "ninja":
        tree.testfan("gen", check=0)
        tree.ninja("-j1", "test", check=1, TESTFAN_ISOLATION="session")
    else:
        tree.testfan("test", "-j1", *SESSION, *([f"test_{i}.py" for i in range(3)] if how == "a part" else []), check=1)
    report = tree.report()
    errors = [key for key in report if key[2] == "error"]
    assert len(errors) == 1 and sum(report.values()) == 7
    text = (tree.path / ".testfan/report.xml").read_text()
    assert "failed on teardown with ValueError: the database is gone" in text
    _, ran = tree.ran(lambda: tree.testfan("test", "-j1", *SESSION, check=1))
    assert ran == [errors[0][0] + ".py"]


def test_a_failing_tear_down_of_a_package_is_not_lost(tree):
    package = NOTES + "\n@pytest.fixture(scope='package', autouse=True)\ndef of_package():\n    yield\n    raise ValueError('the package is gone')\n"
    tree.write({"pytest.ini": "[pytest]\n", "one/__init__.py": "", "one/conftest.py": package, "one/test_a.py": "def test_it(): pass\n", "two/test_b.py": "def test_it(): pass\n"})
    tree.testfan("test", "-j1", *SESSION, check=1)
    report = tree.report()
    assert report["one.test_a", "test_it", "error"] == 1 and report["two.test_b", "test_it", "passed"] == 1


def test_an_end_that_is_no_end_is_not_lost(tree):
    suite(tree, 2, **{"conftest.py": NOTES.replace('note("down")', "os._exit(3)")})
    done = tree.testfan("test", "-j1", *SESSION, check=1)
    assert "ended with status 3 after its last test" in done.stdout + done.stderr
    assert [key[2] for key in tree.report()].count("error") == 1


def test_a_tear_down_that_hangs_is_ended(tree):
    suite(tree, 2, **{"conftest.py": NOTES.replace('note("down")', "time.sleep(600)")})
    tree.testfan("test", "-j1", "--strict-isolation", *SESSION, check=1, timeout=100, TESTFAN_IDLE="1")
    assert [key[2] for key in tree.report()].count("error") == 1 and not workers(tree)


def test_a_file_that_fails_after_others_runs_alone(tree):
    body = "import sys\n\ndef test_it(database):\n    assert not hasattr(sys, 'polluted')\n    sys.polluted = 1\n"
    tree.write({"conftest.py": NOTES, "test_a.py": body, "test_b.py": body})
    done = tree.testfan("test", "-j1", *SESSION, check=0)
    (name,) = re.findall(r"(test_.\.py): warning: fails after other files in one process, and passes alone \[order-dependent\]", done.stdout + done.stderr)
    assert {key[2] for key in tree.report()} == {"passed"}
    other = {"test_a.py": "test_b.py", "test_b.py": "test_a.py"}[name]
    assert other not in text_of(tree, name, "trace")
    assert tree.testfan("test", "-j1", *SESSION, check=0).stdout.startswith("0 of 2")


def test_what_failed_after_others_is_set_apart_from_then_on(tree):
    body = "import sys\n\ndef test_it(database):\n    assert not hasattr(sys, 'polluted')\n    sys.polluted = 1\n"
    tree.write({"conftest.py": NOTES, "test_a.py": body, "test_b.py": body, "test_c.py": USES})
    tree.env["DEAR"] = "0.5"
    assert "[order-dependent]" in tree.testfan("test", "-j1", check=0).stderr
    for _ in range(2):
        touch(tree)
        done = tree.testfan("test", "-j1", check=0)
        assert "[order-dependent]" not in done.stderr and {key[2] for key in tree.report()} == {"passed"}
    touch(tree, "test_a.py", "test_b.py")
    tree.testfan("test", "-j1", "--isolation", "file", check=0)
    touch(tree)
    assert "[order-dependent]" not in tree.testfan("test", "-j1", check=0).stderr


TOGETHER = {
    "comment": ("# testfan: together=db\n", ""),
    "configuration": ("", "[tool.testfan]\ntogether.db = ['test_db_*.py']\n"),
}
CHAIN = "import os, sys\n\ndef test_it():\n    seen = sys.__dict__.setdefault('seen', [])\n    assert seen == %r\n    seen.append(%r)\n"


@pytest.mark.parametrize("said", TOGETHER)
def test_files_that_go_together_run_in_one_process_in_order(tree, said):
    comment, settings = TOGETHER[said]
    for i, name in enumerate("abc"):
        tree.write({f"test_db_{name}.py": comment + CHAIN % (list("abc"[:i]), name)})
    tree.write({"test_other.py": "def test_it(): pass\n", "pyproject.toml": settings, "conftest.py": ""})
    for jobs in "1", "4":
        touch(tree)
        run(tree, "-j", jobs)
        assert tree.report() == tree.plain()
    touch(tree, "test_db_c.py")
    _, ran = tree.ran(lambda: run(tree))
    assert ran == ["test_db_a.py", "test_db_b.py", "test_db_c.py"]
    assert tree.testfan("test", check=0).stdout.startswith("0 of 4")
    tree.write({"test_db_a.py": comment + CHAIN % ([], "x")})
    tree.testfan("test", check=1)
    _, ran = tree.ran(lambda: tree.testfan("test", check=1))
    assert ran == ["test_db_a.py", "test_db_b.py", "test_db_c.py"]
    tree.ninja("test_db_b.py.test", check=1)


def test_data_of_one_of_a_group_is_an_input_of_all(tree):
    tree.write({"data.txt": "1", "conftest.py": "", "test_b.py": "# testfan: together=g\ndef test_it(): pass\n"})
    tree.write({"test_a.py": "# testfan: together=g\ndef test_it(): open('da' + 'ta.txt').close()\n"})
    run(tree)
    tree.write({"data.txt": "2"})
    _, ran = tree.ran(lambda: tree.ninja("test", check=0))
    assert ran == ["test_a.py", "test_b.py"]


def test_dear_set_up_is_shared_by_itself(tree):
    suite(tree, 8)
    run(tree, "-j2", DEAR="0.3")
    seen = collections.Counter(word for word, _ in notes(tree))
    assert seen["up"] == seen["down"] <= 3, seen
    assert tree.report() == tree.plain()
    notes(tree)
    touch(tree)
    run(tree, "-j2", DEAR="0.3")
    assert collections.Counter(word for word, _ in notes(tree))["up"] <= 2


def test_cheap_set_up_is_not(tree):
    suite(tree, 4)
    for _ in range(2):
        run(tree, "-j2")
        seen = notes(tree)
        assert collections.Counter(word for word, _ in seen) == {"up": 4, "down": 4}
        touch(tree)
    for i in range(4):
        assert f"test_{(i + 1) % 4}.py" not in text_of(tree, f"test_{i}.py", "trace")


def test_a_file_without_dear_set_up_keeps_a_process_of_its_own(tree):
    suite(tree, 3, **{"test_cheap.py": "def test_it(): pass\n"})
    run(tree, "-j1", DEAR="0.3")
    touch(tree)
    run(tree, "-j1", DEAR="0.3")
    assert "test_0.py" not in text_of(tree, "test_cheap.py", "trace")
    assert json.loads(text_of(tree, "test_cheap.py", "log").splitlines()[-1])["setup"] == 0


def test_hooks_of_the_session_run_once_for_each_worker(tree):
    hooks = "".join(f"\ndef pytest_{name}():\n    note('{name}')\n" for name in ("configure", "unconfigure", "sessionstart", "sessionfinish"))
    suite(tree, 3, **{"conftest.py": NOTES + hooks})
    run(tree, "-j1", *SESSION)
    words = [word for word, pid in notes(tree)]
    assert words == ["configure", "sessionstart", "up", "down", "sessionfinish", "unconfigure"]


def test_a_summary_that_waits_for_the_end_of_the_session_waits(tree):
    hooks = (
        "\nFOUND = []\n\ndef pytest_sessionfinish(session):\n    FOUND.append(session.testscollected)\n"
        "\ndef pytest_terminal_summary():\n    FOUND[0]\n    note('found')\n"
    )
    suite(tree, 3, **{"conftest.py": NOTES + hooks})
    run(tree, "-j1", *SESSION)
    assert tree.report() == tree.plain()
    assert [word for word, pid in notes(tree)][:3] == ["up", "down", "found"]


@pytest.mark.parametrize("words", [["-k", "first"], ["test_1.py::test_first", "test_2.py"], ["--retries", "1"], ["--maxfail", "1"], ["--no-workers"]])
def test_it_goes_with_other_options(tree, words):
    suite(tree, 4)
    tree.testfan("test", "-j1", *SESSION, *words, check=0)
    report = conftest.read_report(next(iter((tree.path / ".testfan").glob("runs/*/report.xml")), tree.path / ".testfan/report.xml"))
    assert report == (tree.plain(*words) if "::" in words[0] or words[0] == "-k" else tree.plain())


def test_retries_take_a_process_of_their_own(tree):
    flaky = "import os\n\ndef test_it(database):\n    first = not os.path.exists(os.environ['NOTES'] + '.flag')\n    open(os.environ['NOTES'] + '.flag', 'w').close()\n    assert not first\n"
    suite(tree, 1, **{"test_0.py": flaky})
    done = tree.testfan("test", "-j1", *SESSION, "--retries", "1", check=0)
    assert "flaky" in done.stdout


def test_shards_share(tree):
    suite(tree, 2, **{"test_long.py": "import time\n\n" + "".join(f"def test_{i}(database): time.sleep(0.3)\n" for i in range(6))})
    tree.testfan("test", "-j2", *SESSION, check=0)
    tree.testfan("merge", "--durations", "-o", tree.path.parent / "all.xml", ".testfan/report.xml", check=0)
    tree.testfan("test", "-j2", *SESSION, check=0)
    assert list((tree.path / ".testfan/results").glob("test_long.py.1of*.xml"))
    assert tree.report() == tree.plain()


def test_a_pass_that_waits_for_its_tear_down_is_no_pass_when_that_fails_later(tree):
    suite(tree, 1, **{"conftest.py": FAILING}).testfan("gen", check=0)
    tree.ninja("test_0.py.test", check=0, TESTFAN_ISOLATION="session", TESTFAN_IDLE="1")
    conftest.wait_until(lambda: not workers(tree), 60)
    assert not (tree.path / ".testfan/results/test_0.py.ok").exists()
    tree.testfan("test", check=1)


def test_a_worker_that_is_asked_too_much_is_not_asked_twice_for_one_file(tree):
    suite(tree, 1).testfan("gen", check=0)
    for _ in range(2):
        tree.ninja("test_0.py.test", check=0, TESTFAN_ISOLATION="session")
        (tree.path / ".testfan/results/test_0.py.ok").unlink()
    assert len({pid for word, pid in notes(tree) if word == "up"}) == 2


def test_audit_and_learn_look_at_each_file_by_itself(tree):
    suite(tree, 3)
    run(tree, "-j1", *SESSION)
    done = tree.testfan("audit", check=0)
    assert "missed test_" not in done.stdout and "0 missed" in done.stdout, done.stdout
    tree.testfan("learn", check=0)
    assert not (tree.path / "testfan.learned.json").exists()


@pytest.mark.parametrize("apart", [False, True])
def test_what_a_fixture_of_the_session_starts_lives_as_long_as_the_session(tree, apart):
    mark = f"{386400 + apart}.{os.getpid()}"
    starts = NOTES.replace('note("up")', f'import subprocess; process = subprocess.Popen(["sleep", "{mark}"], start_new_session={apart})').replace("yield os.getpid()", "yield process")
    tree.write({"conftest.py": starts, **{f"test_{c}.py": "def test_it(database): assert database.poll() is None\n" for c in "abc"}})
    run(tree, "-j1", *SESSION)
    assert {key[2] for key in tree.report()} == {"passed"}
    conftest.wait_until(lambda: subprocess.run(["pgrep", "-f", mark], capture_output=True).returncode == 1)
