"""The second opinion: files that fail by themselves are run once more among all others."""
import conftest
import pytest

PASSING = "def test_passes():\n    pass\n"
LEANS = {
    "tests/test_first.py": "import xml.dom.minidom\n\ndef test_first():\n    assert xml.dom.minidom\n",
    "tests/test_leans.py": "import sys\n\ndef test_leans():\n    assert 'xml.dom.minidom' in sys.modules\n\ndef test_other():\n    pass\n",
    "tests/test_more.py": "def test_more():\n    pass\n",
}
HOOK = {"tests/conftest.py": "def pytest_sessionstart(session):\n    session.seen = True\n"}
THREAD = {
    "tests/conftest.py": "import threading, time\n\n"
    "def pytest_collection(session):\n    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"
}
TWO = {"tests/test_leans_too.py": LEANS["tests/test_leans.py"]}


@pytest.mark.parametrize("more", [{}, HOOK, {**HOOK, **TWO}, {**THREAD, **TWO}], ids=["plain", "session-hook", "two-hook", "two-thread"])
def test_a_file_that_leans_on_an_import_passes_with_a_warning(tree, more):
    tree.write({**LEANS, **more})
    done = tree.testfan("test", check=0)
    leaning = [name for name in tree.path.rglob("test_leans*.py")]
    assert done.stderr.count("[order-dependent]") == len(leaning)
    assert tree.report() == tree.plain()
    assert 'name="testfan.order-dependent"' in (tree.path / ".testfan/report.xml").read_text()
    done, ran = tree.ran(lambda: tree.testfan("test", check=0))
    assert ran == sorted(str(p.relative_to(tree.path)) for p in leaning)
    assert "[order-dependent]" in done.stderr


def test_bare_ninja_asks_too(tree):
    tree.write(LEANS).testfan("gen", check=0)
    done = tree.ninja("test", check=0)
    assert "[order-dependent]" in done.stdout
    assert tree.report() == tree.plain()


def test_a_part_of_the_suite_is_judged_among_all(tree):
    tree.write(LEANS)
    done = tree.testfan("test", "tests/test_leans.py", check=0)
    assert "[order-dependent]" in done.stderr


@pytest.mark.parametrize("words, settings", [(["--strict-isolation"], ""), ([], "[tool.testfan]\nstrict-isolation = true\n")])
def test_strict_isolation_makes_it_a_failure(tree, words, settings):
    tree.write({**LEANS, "pyproject.toml": settings})
    done = tree.testfan("test", *words, check=1)
    assert "[order-dependent]" not in done.stderr
    assert tree.report()["tests.test_leans", "test_leans", "failure"] == 1


def test_what_fails_among_all_too_has_failed(tree):
    tree.write({**LEANS, "tests/test_wrong.py": "def test_wrong():\n    assert False\n\ndef test_right():\n    pass\n"})
    done = tree.testfan("test", check=1)
    assert done.stderr.count("[order-dependent]") == 1
    assert tree.report() == tree.plain()


def test_a_file_that_cannot_be_collected_spoils_no_opinion(tree):
    tree.write({**LEANS, "tests/test_broken.py": "import nowhere_to_be_found\n"})
    done = tree.testfan("test", check=1)
    assert "tests/test_leans.py: warning" in done.stderr
    assert tree.report() == tree.plain()


def test_what_passes_the_second_time_alone_is_flaky_and_has_failed(tree, tmp_path):
    state = tmp_path / "state"
    flaky = f"import pathlib\n\ndef test_flaky():\n    state = pathlib.Path({str(state)!r})\n    seen = state.exists()\n    state.touch()\n    assert seen\n"
    tree.write({**LEANS, "tests/test_flaky.py": flaky})
    done = tree.testfan("test", check=1)
    assert "tests/test_flaky.py: warning: failed, and passed when it was run again [flaky]" in done.stderr
    assert tree.report()["tests.test_flaky", "test_flaky", "failure"] == 1


def test_too_many_failures_get_none(tree):
    wrong = {f"tests/test_wrong{i}.py": "def test_wrong():\n    assert False\n" for i in range(20)}
    tree.write({**LEANS, **wrong})
    done = tree.testfan("test", check=1)
    assert "[order-dependent]" not in done.stderr
    assert "no second opinion" in done.stderr


COUNTS = """
import os, pathlib, time

def test_last():
    children = pathlib.Path(f"/proc/{os.getppid()}/task/{os.getppid()}/children")
    for _ in range(200):
        found = len(children.read_text().split())
        if found == WANTED:
            break
        time.sleep(0.05)
    assert found == WANTED
"""


@pytest.mark.parametrize("failing, children", [(20, 2), (21, 1)])
def test_nobody_collects_for_an_opinion_that_none_will_get(tree, failing, children):
    """The child that collects goes when too many have failed, and does not come back."""
    wrong = {f"tests/test_wrong{i}.py": "def test_wrong():\n    assert False\n" for i in range(failing)}
    tree.write({**wrong, "tests/test_last.py": COUNTS.replace("WANTED", str(children))}).starts(*wrong, "tests/test_last.py")
    tree.testfan("test", "-j1", check=1)
    assert tree.report()["tests.test_last", "test_last", "passed"] == 1


def test_what_is_learned_makes_it_pass_alone(tree):
    tree.write({**LEANS, "pytest.ini": "[pytest]\n"})
    tree.testfan("learn", check=0)
    assert '"xml.dom.minidom"' in (tree.path / "testfan.learned.json").read_text()
    done = tree.testfan("test", check=0)
    assert "[order-dependent]" not in done.stderr
    done, ran = tree.ran(lambda: tree.testfan("test", check=0))
    assert not ran
    tree.testfan("learn", check=0)
    assert '"xml.dom.minidom"' in (tree.path / "testfan.learned.json").read_text()
    assert tree.testfan("test", "--no-workers", "--strict-isolation", check=0)
    (tree.path / "testfan.learned.json").unlink()
    done, ran = tree.ran(lambda: tree.testfan("test", check=0))
    assert ran == ["tests/test_leans.py"] and "[order-dependent]" in done.stderr


def test_a_module_of_the_project_that_is_learned_is_an_edge(tree):
    tree.write(
        {
            "registry.py": "known = set()\n",
            "plug.py": "import registry\nregistry.known.add('plug')\n",
            "test_first.py": "import plug\n\ndef test_first():\n    assert plug\n",
            "test_leans.py": "import registry\n\ndef test_leans():\n    assert 'plug' in registry.known\n",
            "conftest.py": "",
        }
    )
    tree.testfan("learn", check=0)
    assert "plug.py" in tree.testfan("deps", "test_leans.py", check=0).stdout
    tree.testfan("test", check=0)
    tree.write({"plug.py": "import registry\n"})
    done, ran = tree.ran(lambda: tree.testfan("test", check=1))
    assert ran == ["test_first.py", "test_leans.py"]


def test_the_last_failed_of_pytest_does_not_name_it(tree):
    tree.write(LEANS)
    tree.testfan("test", check=0)
    assert not (tree.path / ".pytest_cache/v/cache/lastfailed").exists()


def test_what_was_asked_is_not_asked_again(tree, tmp_path):
    wrong = "import pathlib\n\ndef test_wrong():\n    with open(%r, 'a') as file:\n        file.write('x')\n    assert False\n" % str(tmp_path / "runs")
    tree.write({**LEANS, "tests/test_wrong.py": wrong})
    tree.testfan("test", check=1)
    assert (tmp_path / "runs").read_text() == "xx"
    tree.testfan("test", "tests/test_wrong.py", check=1)
    assert (tmp_path / "runs").read_text() == "xxx"
    tree.write({"tests/test_wrong.py": wrong + "\ndef test_more():\n    assert 0\n"})
    tree.testfan("test", "tests/test_wrong.py", check=1)
    assert (tmp_path / "runs").read_text() == "xxxxx"


def test_options_of_the_whole_run_do_not_reach_it(tree):
    tree.write(LEANS)
    done = tree.testfan("test", check=0, PYTEST_ADDOPTS="-x --maxfail=1 -p no:cacheprovider")
    assert "[order-dependent]" in done.stderr


BROKEN = {
    "conftest": {"d/conftest.py": "import nonesuch\n", "d/test_b.py": PASSING},
    "conftest above": {"d/conftest.py": "import nonesuch\n", "d/e/test_b.py": PASSING},
    "two files": {"d/conftest.py": "import nonesuch\n", "d/test_b.py": PASSING, "d/test_c.py": PASSING},
    "package": {"d/__init__.py": "import nonesuch\n", "d/test_b.py": PASSING},
    "hook": {"d/conftest.py": "def pytest_ignore_collect(collection_path):\n    1 / 0\n", "d/test_b.py": PASSING},
    "first conftest of two": {"d/conftest.py": "", "d/e/conftest.py": "1 / 0\n", "d/e/test_b.py": PASSING, "d/test_c.py": PASSING},
}


@pytest.mark.parametrize("words", [[], ["--no-workers"]], ids=["warm", "cold"])
@pytest.mark.parametrize("what", BROKEN)
def test_a_folder_that_is_broken_is_no_matter_of_order(tmp_path, what, words):
    tree = conftest.make_tree(tmp_path).write({"test_a.py": PASSING, **BROKEN[what]})
    done = tree.testfan("test", *words)
    assert done.returncode == 1 and "[order-dependent]" not in done.stderr, done.stderr
    assert tree.report() == tree.plain()
    done = tree.testfan("test", *words)
    assert done.returncode == 1 and tree.report() == tree.plain()
