"""Tests in files that only a hook of a conftest.py or of a plugin makes tests of."""
import conftest

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
