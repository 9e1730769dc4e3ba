"""Bazel's test protocol and its sandbox, on small workspaces."""
import time

SUITE = {
    "pytest.ini": "[pytest]\n",
    "pkg/__init__.py": "",
    "pkg/money.py": "RATE = 2\n",
    "pkg/hidden.py": "SECRET = 1\n",
    "pkg/test_money.py": "from pkg import money\n\n\ndef test_rate():\n    assert money.RATE == 2\n",
}


def test_undeclared_import_fails(workspace):
    """Neither by name, nor by the path behind the links, nor by an editable install is anything found that is not declared."""
    w = workspace({
        **SUITE,
        "pkg/test_name.py": "import importlib\nNAME = 'p' + 'kg.hid' + 'den'\n\n\ndef test():\n    importlib.import_module(NAME)\n",
        "pkg/test_path.py": "import os\nimport pathlib\n\n\ndef test():\n"
        "    folder = pathlib.Path(__file__).resolve().parent\n    assert 'hid' + 'den.py' not in os.listdir(folder)\n",
        "pkg/test_sys_path.py": "import os\nimport sys\n\n\ndef test():\n"
        "    assert not [p for p in sys.path if os.path.exists(os.path.join(p, 'p' + 'kg', 'hid' + 'den.py'))]\n",
    })
    w.bazel("test", "//...")
    assert w.merged(check=1) == {
        ("pkg.test_money", "test_rate", "passed"): 1,
        ("pkg.test_name", "test", "failure"): 1,
        ("pkg.test_path", "test", "passed"): 1,
        ("pkg.test_sys_path", "test", "passed"): 1,
    }
    assert "No module named 'pkg.hidden'" in w.log("//pkg:test_name")


def test_crash_timeout_and_exit(workspace):
    """A report, naming what was running, even when the interpreter dies or time is up."""
    w = workspace({
        "pytest.ini": "[pytest]\n",
        "test_abort.py": "import os\n\n\ndef test_good():\n    pass\n\n\ndef test_bad():\n    os.abort()\n",
        "test_exit.py": "import os\n\n\ndef test_leaves():\n    os._exit(0)\n",
        "test_slow.py": "import time\n\n\ndef test_sleeps():\n    time.sleep(300)\n",
        "test_import.py": "import nothing_like_it\n",
    })
    started = time.time()
    w.bazel("test", "//...", "--test_timeout=8")
    assert time.time() - started < 120
    assert w.merged(check=1) == {
        ("test_abort", "test_good", "passed"): 1,
        ("test_abort", "test_bad", "error"): 1,
        ("test_exit", "test_leaves", "error"): 1,
        ("test_slow", "test_sleeps", "error"): 1,
        ("", "test_import", "error"): 1,
    }
    text = (w.path.parent / "merged.xml").read_text()
    assert "killed by SIGABRT while running test_abort.py::test_bad" in text
    assert "timed out after 8 s while running test_slow.py::test_sleeps" in text
    assert "the interpreter ended with status 0 while running test_exit.py::test_leaves" in text


def test_shards(workspace):
    """Shards share the tests of a file; what the whole file says is said once; stale folders of shards count for nothing."""
    w = workspace({
        "pytest.ini": "[pytest]\n",
        "test_many.py": "import pytest\n\n\n@pytest.mark.parametrize('i', range(20))\ndef test_one(i):\n    pass\n\n\n"
        "class TestWhole:\n    def test_a(self):\n        pass\n\n    def test_b(self):\n        pass\n",
        "test_skipped.py": "import pytest\n\npytest.skip('not here', allow_module_level=True)\n",
    })
    plain = w.plain()
    build = w.path / "BUILD.bazel"
    text = build.read_text()

    def shards(n):
        build.write_text(text.replace('    config = ":pytest_config",\n', f'    config = ":pytest_config",\n    shard_count = {n},\n'))
        w.gen()
        assert f"shard_count = {n}" in build.read_text()
        w.bazel("test", "//...", check=0)
        return w.results()["//:test_many"]

    assert len(shards(4)) == 4
    assert w.merged(check=0) == plain
    assert len(shards(3)) == 3
    assert len(list((w.path / "bazel-testlogs/test_many").glob("shard_*"))) > 3
    assert w.merged(check=0) == plain

    (w.path / "testfan.times.json").write_text('{"version": 1, "targets": {"test_many.py": {"seconds": 4, "groups": {"test_one": 0.1, "TestWhole": 3.9}}}}')
    text = text.replace('    srcs = ["test_many.py"],\n', '    srcs = ["test_many.py"],\n    data = ["testfan.times.json"],  # keep\n')
    shards(2)
    assert w.merged(check=0) == plain
    counts = sorted(path.read_text().count("<testcase ") for path in (w.path / "bazel-testlogs/test_many").glob("shard_?_of_2/test.xml"))
    assert counts == [2, 20]


def test_filter(workspace):
    """--test_filter is a node id, the names behind the file, or an expression for -k."""
    w = workspace({
        "pytest.ini": "[pytest]\n",
        "sub/test_a.py": "class TestA:\n    def test_x(self):\n        pass\n\n    def test_y(self):\n        pass\n\n\ndef test_z():\n    pass\n",
        "sub/test_b.py": "def test_z():\n    pass\n",
    })

    def run(text, target="//..."):
        w.bazel("test", target, f"--test_filter={text}", check=0)
        return sorted(name for _, name, _ in w.merged())

    assert run("sub/test_a.py::TestA::test_x") == ["test_x"]
    assert run("test_a.py::test_z") == ["test_z"]
    assert run("::TestA", "//sub:test_a") == ["test_x", "test_y"]
    assert run("test_x or test_y") == ["test_x", "test_y"]


def test_flaky_runs_and_environment(workspace):
    """Attempts count once, runs each; seeds, temporary folders, arguments, env and undeclared outputs arrive."""
    w = workspace({
        "pytest.ini": "[pytest]\n",
        "test_flaky.py": "import os\nimport pathlib\n\n\ndef test_second_time():\n"
        f"    mark = pathlib.Path('/tmp/testfan-flaky-{time.time_ns()}')\n    was = mark.exists()\n    mark.touch()\n    assert was\n",
        "test_env.py": "import os\nimport pathlib\nimport sys\n\n\ndef test_env(tmp_path, request):\n"
        "    assert str(tmp_path).startswith(os.environ['TEST_TMPDIR'])\n    assert os.environ['COLOUR'] == 'red blue'\n"
        "    assert request.config.getoption('verbose') == 2\n"
        "    pathlib.Path(os.environ['TEST_UNDECLARED_OUTPUTS_DIR'], 'seed.txt').write_text(os.environ.get('PYTHONHASHSEED', ''))\n",
    })
    build = w.path / "BUILD.bazel"
    build.write_text(build.read_text().replace(
        '    name = "test_env",\n    srcs = ["test_env.py"],\n',
        '    name = "test_env",\n    srcs = ["test_env.py"],\n    args = ["-vv"],\n').replace(
        '    srcs = ["test_env.py"],\n    args = ["-vv"],\n    config = ":pytest_config",\n',
        '    srcs = ["test_env.py"],\n    args = ["-vv"],\n    config = ":pytest_config",\n    env = {"COLOUR": "red blue"},\n'))
    w.gen()
    w.bazel("test", "//:test_flaky", "--flaky_test_attempts=3", "--sandbox_writable_path=/tmp", check=0)
    done = w.testfan("merge", "-o", "x.xml", "--bep", w.events)
    assert done.returncode == 0 and "[flaky]" in done.stderr
    assert sum(w.merged().values()) == 1
    w.bazel("test", "//:test_env", "--runs_per_test=2", check=0)
    assert sum(w.merged().values()) == 2
    assert len(list((w.path / "bazel-testlogs/test_env").glob("run_*"))) == 2


def test_no_report(workspace):
    """What Bazel could not build, and a report that Bazel made up, are errors that name the target."""
    w = workspace(SUITE)
    with open(w.path / "pkg/BUILD.bazel", "a") as file:
        file.write('\npytest_test(\n    name = "broken",\n    srcs = ["test_money.py"],\n    config = "//:pytest_config",\n    deps = [":made"],\n)\n'
                   '\ngenrule(\n    name = "made",\n    outs = ["made.py"],\n    cmd = "exit 1",\n)\n')
    w.bazel("test", "//...")
    cases = w.merged(check=1)
    assert cases["", "//pkg:broken", "error"] == 1
    assert cases["pkg.test_money", "test_rate", "passed"] == 1

    (w.path / "tools/testfan/testfan_bazel.py").write_text("raise SystemExit(0)\n")
    w.bazel("test", "//pkg:test_money")
    assert w.merged(check=1) == {("", "//pkg:test_money", "error"): 1}


def test_what_a_file_leans_on_is_imported_first(workspace):
    """An import that testfan learn found is made before the file, here as on Ninja."""
    w = workspace({
        "pytest.ini": "[pytest]\n",
        "test_leans.py": "import sys\n\n\ndef test_leans():\n    assert 'xml.dom.minidom' in sys.modules\n",
        "test_other.py": "import xml.dom.minidom\n\n\ndef test_other():\n    assert xml.dom.minidom\n",
    })
    plain = w.plain()
    w.bazel("test", "//...", check=3)
    w.testfan("learn", check=0)
    w.gen()
    w.bazel("test", "//...", check=0)
    assert w.merged(check=0) == plain
