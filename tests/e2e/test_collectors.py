"""Tests in files that only a hook of a conftest.py or of a plugin makes tests of."""
import conftest
import pytest

CONFTEST = """
import pytest
import values

def pytest_collect_file(file_path, parent):
    if file_path.suffix == ".check" and file_path.name.startswith("test"):
        return CheckFile.from_parent(parent, path=file_path)

class CheckFile(pytest.File):
    def collect(self):
        for line in self.path.read_text().splitlines():
            yield Check.from_parent(self, name=line.split("=")[0], want=line.split("=")[1])

class Check(pytest.Item):
    def __init__(self, want, **more):
        super().__init__(**more)
        self.want = want

    def runtest(self):
        assert values.of(self.name) == self.want

    def reportinfo(self):
        return self.path, 0, self.name
"""
FILES = {
    "tests/conftest.py": CONFTEST,
    "tests/values.py": "def of(name):\n    return name\n",
    "tests/test_a.py": "def test_a():\n    pass\n",
    "tests/test_one.check": "x=x\ny=y\n",
    "tests/deep/test_two.check": "z=z\n",
    "tests/other.check": "no=test\n",
}
ALL = ["tests/deep/test_two.check", "tests/test_a.py", "tests/test_one.check"]


def test_files_of_a_conftest_are_targets(tree):
    tree.write(FILES)
    done, ran = tree.ran(lambda: tree.testfan("test", check=0))
    assert ran == ALL and tree.report() == tree.plain()
    asked = (tree.path / ".testfan/cache/collected").stat().st_mtime_ns
    done, ran = tree.ran(lambda: tree.testfan("test", check=0))
    assert ran == [] and (tree.path / ".testfan/cache/collected").stat().st_mtime_ns == asked
    done, ran = tree.ran(lambda: tree.ninja("test", check=0))
    assert ran == [] and "no work to do" in tree.ninja("test", check=0).stdout

    tree.write({"tests/test_one.check": "x=x\ny=1\n"})
    done, ran = tree.ran(lambda: tree.ninja("test", check=1))
    assert ran == ["tests/test_one.check"] and tree.report() == tree.plain()

    tree.write({"tests/test_one.check": "x=x\n", "tests/deep/test_three.check": "a=b\n"})
    done, ran = tree.ran(lambda: tree.ninja("test", check=1))
    assert ran == ["tests/deep/test_three.check", "tests/test_one.check"] and tree.report() == tree.plain()

    (tree.path / "tests/deep/test_three.check").unlink()
    tree.testfan("test", check=0)
    assert tree.report() == tree.plain()


def test_what_the_hook_says_may_change(tree):
    tree.write(FILES).testfan("test", check=0)
    tree.write({"tests/conftest.py": CONFTEST.replace('startswith("test")', 'startswith("")')})
    tree.ninja("test", check=1)
    assert tree.report() == tree.plain() and sum(tree.report().values()) == 5
    tree.write({"tests/conftest.py": CONFTEST.replace("def pytest_collect_file", "def collect_file")})
    tree.testfan("test", check=0)
    assert tree.report() == tree.plain() and sum(tree.report().values()) == 1


def test_a_hook_that_reads_the_file_is_asked_again_when_it_changes(tree):
    reading = CONFTEST.replace('file_path.name.startswith("test")', '"=" in file_path.read_text()')
    tree.write({**FILES, "tests/conftest.py": reading, "tests/other.check": "nothing\n"})
    tree.testfan("test", check=0)
    tree.write({"tests/other.check": "b=c\n"})
    tree.ninja("test", check=1)
    assert tree.report() == tree.plain()


def test_source_files_that_a_plugin_collects(tree):
    plugin = """
import pytest

def pytest_collect_file(file_path, parent):
    if file_path.suffix == ".py":
        return Lint.from_parent(parent, path=file_path)

class Lint(pytest.File):
    def collect(self):
        yield LintItem.from_parent(self, name="lint")

class LintItem(pytest.Item):
    def runtest(self):
        assert "TO" + "DO" not in self.path.read_text()

    def reportinfo(self):
        return self.path, 0, "lint"
"""
    tree.write({
        "pytest.ini": "[pytest]\naddopts = -p linter\npythonpath = plugins\n",
        "plugins/linter.py": plugin,
        "lib/code.py": "x = 1  # TODO\n",
        "test_a.py": "import lib.code\n\ndef test_a():\n    pass\n",
    })  # fmt: skip
    tree.testfan("test", check=1)
    assert tree.report() == tree.plain() and sum(tree.report().values()) == 4
    tree.write({"lib/code.py": "x = 1\n"})
    tree.testfan("test", check=0)
    assert tree.report() == tree.plain()


def test_a_hook_that_makes_a_test_at_once(tree):
    tree.write({
        "conftest.py": """
import pytest

def pytest_collect_file(file_path, parent):
    if file_path.suffix == ".toml":
        return Check.from_parent(parent, name="project")

class Check(pytest.Item):
    def runtest(self):
        open("a.toml").read()
""",
        "a.toml": "",
        "b.toml": "",
        "test_a.py": "def test_a():\n    pass\n",
    })  # fmt: skip
    tree.testfan("test", check=0)
    assert tree.report() == tree.plain() and sum(tree.report().values()) == 3


def test_they_can_be_selected(tree):
    tree.write(FILES).testfan("test", check=0)
    paths = tree.testfan("select", "-k", "z", check=0).stdout.split()
    assert "tests/deep/test_two.check" in paths
    done = tree.testfan("test", "-k", "z", check=0)
    assert "1 passed" in done.stdout
    done = tree.testfan("test", "tests/test_one.check::y", check=0)
    assert "1 passed" in done.stdout


def test_pytest_is_asked_only_where_there_is_a_hook(tree):
    tree.write({"test_a.py": "def test_a():\n    pass\n", "conftest.py": ""}).testfan("test", check=0)
    assert not (tree.path / ".testfan/cache/collected").exists()
    tree.write(FILES)
    broken = tree.write({"conftest.py": "raise SystemExit('broken')\n"}).testfan("test")
    assert "[collectors]" in broken.stderr and broken.returncode
    tree.write({"conftest.py": ""}).testfan("test", check=0)
    asked = (tree.path / ".testfan/cache/collected").stat().st_mtime_ns
    tree.write({"tests/values.py": "def of(name):\n    return str(name)\n"})
    tree.testfan("test", check=0)
    assert (tree.path / ".testfan/cache/collected").stat().st_mtime_ns > asked  # the conftest imports it
    asked = (tree.path / ".testfan/cache/collected").stat().st_mtime_ns
    tree.write({"tests/test_a.py": "def test_b():\n    pass\n"})
    tree.testfan("test", check=0)
    assert (tree.path / ".testfan/cache/collected").stat().st_mtime_ns == asked


PLAIN_CHECK = CONFTEST.replace("import values\n", "").replace("values.of(self.name)", "self.name").replace(' and file_path.name.startswith("test")', "")
A_TEST = {"test_a.py": "def test_a():\n    pass\n"}
AT_ONCE = """
import pytest

def pytest_collect_file(file_path, parent):
    if file_path.suffix == ".toml":
        return Check.from_parent(parent, name="project-" + file_path.stem)

class Check(pytest.Item):
    def runtest(self):
        assert "bad" not in open(self.name[8:] + ".toml").read()
"""
SUITE = """
import pytest

def pytest_collect_file(file_path, parent):
    if file_path.suffix == ".suite":
        return Suite.from_parent(parent, path=file_path)

class Suite(pytest.File):
    def collect(self):
        for line in self.path.read_text().split():
            yield pytest.Module.from_parent(self, path=self.path.parent / line)
"""
READS = """
import os, pathlib, subprocess, sys
here = pathlib.Path(__file__).parent
"""

# What is there first, and what is then written; plain pytest's report is what counts after both.
CHANGES = {
    "a test at once that fails": ({"conftest.py": AT_ONCE, "a.toml": "bad", "b.toml": "", **A_TEST}, {"a.toml": "", "b.toml": "bad"}),
    "a collector that gives modules": ({"conftest.py": SUITE, "a.suite": "check_one.py", "check_one.py": "def test_one():\n    assert 0\n", **A_TEST}, {"check_one.py": "def test_two():\n    pass\n"}),
    "a collector of another path": (
        {"conftest.py": PLAIN_CHECK.replace("path=file_path", "path=file_path.with_suffix('.txt')"), "x.check": "", "x.txt": "a=b\n", **A_TEST},
        {"x.txt": "a=a\n"},
    ),
    "a conftest that breaks": ({"d/conftest.py": PLAIN_CHECK, "d/x.check": "a=a\n", **A_TEST}, {"d/conftest.py": "import nonesuch\n" + PLAIN_CHECK}),
    "a hook that raises": (
        {"conftest.py": PLAIN_CHECK, "d/x.check": "a=a\n", "d/z.check": "a=a\n", **A_TEST},
        {"conftest.py": PLAIN_CHECK.replace("    if file", "    if file_path.name == 'x.check':\n        raise ValueError\n    if file")},
    ),
    "a broken module beside another collector": (
        {"conftest.py": PLAIN_CHECK.replace('".check"', '".py"').replace("self.path.read_text().splitlines()", "['x=x']"), "test_c.py": "import nonesuch\n", **A_TEST},
        {"test_c.py": ""},
    ),
    "names that begin with dots": ({"conftest.py": PLAIN_CHECK, "..x.check": "a=b\n", **A_TEST}, {"..x.check": "a=a\n"}),
    "a test of a file in addopts": ({"pytest.ini": "[pytest]\naddopts = test_a.py::test_a x.check\n", "conftest.py": PLAIN_CHECK, "x.check": "a=b\n", **A_TEST}, {"x.check": "a=a\n"}),
    "an option of the run": ({"conftest.py": PLAIN_CHECK.replace("    if file", "    if not parent.config.option.collectonly and file"), "x.check": "a=b\n", **A_TEST}, {"x.check": "a=a\n"}),
    "what a program says": (
        {"conftest.py": READS + "said = subprocess.run(['cat', str(here / 'list.cfg')], capture_output=True, text=True).stdout\n" + PLAIN_CHECK.replace('".check"', "said.strip()"), "list.cfg": ".check", "x.check": "a=a\n", "y.chk": "a=b\n", **A_TEST},
        {"list.cfg": ".chk"},
    ),
    "the size of a file": (
        {"conftest.py": PLAIN_CHECK.replace("    if file", "    if file_path.stat().st_size and file"), "x.check": "", **A_TEST},
        {"x.check": "a=b\n"},
    ),
    "a name in bytes": (
        {"conftest.py": READS + "said = open(os.fsencode(here / 'list.cfg')).read()\n" + PLAIN_CHECK.replace('".check"', "said"), "list.cfg": ".check", "x.check": "a=a\n", "y.chk": "a=b\n", **A_TEST},
        {"list.cfg": ".chk"},
    ),
    "a helper that is imported and forgotten": (
        {"conftest.py": READS + "sys.path.insert(0, str(here))\nimport helper\nsaid = helper.said\ndel sys.modules['helper']\n" + PLAIN_CHECK.replace('".check"', "said"), "helper.py": "said = '.check'\n", "x.check": "a=a\n", "y.chk": "a=b\n", **A_TEST},
        {"helper.py": "said = '.chk'\n"},
    ),
    "a file beside the folders to start from": (
        {"pytest.ini": "[pytest]\ntestpaths = d\n", "conftest.py": PLAIN_CHECK, "d/x.check": "a=a\n", "y.check": "a=b\n", "d/test_a.py": A_TEST["test_a.py"]},
        {"d/x.check": "a=b\n"},
    ),
    "two conftests": ({"conftest.py": PLAIN_CHECK, "d/conftest.py": "", "d/x.check": "a=a\n", "d/y.chk": "a=b\n", **A_TEST}, {"conftest.py": PLAIN_CHECK.replace('".check"', '".chk"')}),
    "a plugin that is assigned": ({"pytest.ini": "[pytest]\npythonpath = .\naddopts = -p plug\n", "plug.py": PLAIN_CHECK.replace("def pytest_collect_file", "def make") + "\npytest_collect_file = make\n", "x.check": "a=b\n", **A_TEST}, {"x.check": "a=a\n"}),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_same_results_as_plain_pytest(tmp_path, what):
    tree = conftest.make_tree(tmp_path)
    before, after = CHANGES[what]
    for files in before, after:
        tree.write({"pytest.ini": "[pytest]\n"} | files if files is before else files)
        code = tree.testfan("test").returncode
        plain = tree.plain()
        assert tree.report() == plain
        assert code == any(outcome in ("failure", "error") for _, _, outcome in plain)


def test_a_plugin_from_outside_and_a_variable(tree, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "zzplug.py").write_text("import os\n" + PLAIN_CHECK.replace('".check"', 'os.environ.get("CHECKS", ".check")'))
    tree.write({"pytest.ini": "[pytest]\naddopts = -p zzplug\n", "x.check": "a=b\n", "y.chk": "a=a\n", **A_TEST})
    tree.env["PYTHONPATH"] = str(outside)
    tree.testfan("test", check=1)
    assert tree.report() == tree.plain()
    tree.env["CHECKS"] = ".chk"
    tree.testfan("test", check=0)
    assert tree.report() == tree.plain() and sum(tree.report().values()) == 2


def test_what_belongs_to_no_file_is_an_error(tree):
    tree.write({
        "conftest.py": """
import pytest

def pytest_collect_directory(path, parent):
    return Folder.from_parent(parent, path=path)

class Folder(pytest.Dir):
    def collect(self):
        yield from super().collect()
        yield Check.from_parent(self, name="folder")

class Check(pytest.Item):
    def runtest(self):
        assert 0
""",
        "sub/test_b.py": "def test_b():\n    pass\n",
        **A_TEST,
    })  # fmt: skip
    done = tree.testfan("test")
    assert done.returncode == 1 and "[collectors]" in done.stderr
