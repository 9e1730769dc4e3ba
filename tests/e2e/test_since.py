"""`--since REV`: what differs in git selects what it reaches, as far as plain pytest could show it."""
import os
import shutil
import subprocess

import conftest
import pytest

pytestmark = pytest.mark.skipif(not shutil.which("git"), reason="there is no git")

FILES = {
    "pkg/__init__.py": "",
    "pkg/a.py": "A = 1\n",
    "pkg/b.py": "from pkg import a\n",
    "pkg/c.py": "",
    "data/x.txt": "x",
    "tests/test_a.py": "from pkg import b\ndef test_a(): pass\n",
    "tests/test_c.py": "import pkg.c\ndef test_c(): pass\n",
    "tests/test_d.py": "def test_d(): open('data/x.txt')\n",
    "tests/test_e.py": "def test_e(): pass\n",
}
ALL = ["tests/test_a.py", "tests/test_c.py", "tests/test_d.py", "tests/test_e.py"]


class Repository(conftest.Tree):
    def __init__(self, path):
        path.mkdir()
        super().__init__(path)
        self.env.update(GIT_CONFIG_GLOBAL=os.devnull, GIT_CONFIG_SYSTEM=os.devnull)
        for key in ("AUTHOR", "COMMITTER"):
            self.env.update({f"GIT_{key}_NAME": "x", f"GIT_{key}_EMAIL": "x@example.org"})
        self.git("init", "-q", "-b", "main")

    def git(self, *words):
        return self.run("git", *words, check=0).stdout

    def commit(self, message="change"):
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)

    def since(self, revision="HEAD", *words):
        done = self.testfan("select", "--since", revision, *words)
        assert done.returncode in (0, 5), done.stderr
        return done.stdout.splitlines()


@pytest.fixture
def repository(tmp_path):
    r = Repository(tmp_path / "tree")
    r.write(FILES)
    r.commit()
    return r


def edit(name, text="# changed\n"):
    def change(r):
        path = r.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text((path.read_text() if path.exists() else "") + text)

    return change


def delete(name):
    return lambda r: (r.path / name).unlink()


def move(old, new):
    def change(r):
        (r.path / new).parent.mkdir(parents=True, exist_ok=True)
        (r.path / old).rename(r.path / new)

    return change


CHANGES = {
    "nothing": (lambda r: None, []),
    "a time stamp alone": (lambda r: os.utime(r.path / "pkg/a.py"), []),
    "a leaf": (edit("pkg/a.py"), ["tests/test_a.py"]),
    "a test": (edit("tests/test_e.py"), ["tests/test_e.py"]),
    "a new test": (edit("tests/test_new.py", "def test_new(): pass\n"), ["tests/test_new.py"]),
    "a package": (edit("pkg/__init__.py"), ["tests/test_a.py", "tests/test_c.py"]),
    "a deleted module": (delete("pkg/a.py"), ["tests/test_a.py"]),
    "a renamed module": (move("pkg/a.py", "pkg/z.py"), ["tests/test_a.py"]),
    "a module that becomes a package": (move("pkg/a.py", "pkg/a/__init__.py"), ["tests/test_a.py"]),
    "a deleted package file": (delete("pkg/__init__.py"), ["tests/test_a.py", "tests/test_c.py"]),
    "a data file": (edit("data/x.txt"), ["tests/test_d.py"]),
    "a deleted data file": (delete("data/x.txt"), ["tests/test_d.py"]),
    "a deleted test": (delete("tests/test_e.py"), []),
    "a moved test": (move("tests/test_e.py", "tests/test_f.py"), ["tests/test_f.py"]),
    "a new conftest": (edit("tests/conftest.py"), ALL),
    "the configuration": (edit("pyproject.toml", "[tool.pytest.ini_options]\n"), ALL),
    "requirements": (edit("requirements-dev.txt", "pytest\n"), ALL),
    "a lock file": (edit("uv.lock", ""), ALL),
    "what was learned": (edit("testfan.learned.json", '{"version": 1, "targets": {}}'), ALL),
    "a module that hides one": (edit("pkg/a/__init__.py", ""), ["tests/test_a.py"]),
    "a file that nobody needs": (edit("README.md"), []),
    "an odd name": (edit("data/ä \"q\"\t$x.txt"), []),
}


@pytest.mark.parametrize("state", ["work tree", "index", "commit"])
@pytest.mark.parametrize("name", CHANGES)
def test_change(repository, name, state):
    change, expected = CHANGES[name]
    change(repository)
    if state != "work tree":
        repository.git("add", "-A")
    if state == "commit":
        repository.commit()
    assert repository.since("HEAD~1" if state == "commit" else "HEAD") == expected


def test_a_deleted_conftest(repository):
    edit("tests/conftest.py")(repository)
    repository.commit()
    delete("tests/conftest.py")(repository)
    assert repository.since() == ALL


def test_a_deleted_configuration(repository):
    edit("pytest.ini", "[pytest]\n")(repository)
    repository.commit()
    delete("pytest.ini")(repository)
    assert repository.since() == ALL


def test_a_chain_of_commits(repository):
    for name in ("pkg/a.py", "pkg/c.py"):
        edit(name)(repository)
        repository.commit()
    assert repository.since("HEAD~1") == ["tests/test_c.py"]
    assert repository.since("HEAD~2") == ["tests/test_a.py", "tests/test_c.py"]


def test_ignored_files_do_not_count(repository):
    repository.write({".gitignore": "tests/test_e.py\n"})
    repository.git("rm", "-q", "--cached", "tests/test_e.py")
    repository.commit()
    edit("tests/test_e.py")(repository)
    assert repository.since() == []


def test_a_rootdir_below_the_repository(tmp_path):
    r = Repository(tmp_path / "tree")
    r.write({f"sub/{name}": text for name, text in FILES.items()})
    r.write({"sub/pytest.ini": "[pytest]\n", "other/file.py": ""})
    r.commit()
    edit("other/file.py")(r)
    edit("sub/pkg/c.py")(r)
    done = r.run(conftest.BUILD / "testfan", "select", "--python", r.python, "--since", "HEAD", cwd=r.path / "sub")
    assert done.stdout.splitlines() == ["tests/test_c.py"]


def test_what_only_a_run_can_tell(repository):
    repository.write({"tests/test_e.py": "def test_e(): open('da' + 'ta/x' + '.txt')\n"})
    repository.commit()
    repository.testfan("test", check=0)
    edit("data/x.txt")(repository)
    assert repository.since() == ["tests/test_d.py", "tests/test_e.py"]


def test_together_with_others(repository):
    edit("pkg/__init__.py")(repository)
    assert repository.since("HEAD", "-k", "test_c") == ["tests/test_c.py"]
    assert repository.since("HEAD", "tests/test_a.py") == ["tests/test_a.py"]
    done, ran = repository.ran(lambda: repository.testfan("test", "--since", "HEAD", check=0))
    assert ran == ["tests/test_a.py", "tests/test_c.py"]


def test_reasons(repository):
    edit("pkg/a.py")(repository)
    out = repository.since("HEAD", "--explain")
    assert out == [
        "tests/test_a.py",
        "    changed: pkg/a.py",
        "        tests/test_a.py:1: import pkg/b.py",
        "        pkg/b.py:1: import pkg/a.py",
    ]


def test_clear_errors(repository, tmp_path):
    done = repository.testfan("select", "--since", "nosuch", check=4)
    assert "git has no revision 'nosuch'" in done.stderr
    repository.commit()
    subprocess.run(["git", "clone", "-q", "--depth", "1", f"file://{repository.path}", tmp_path / "shallow"], check=True, env={**os.environ, **repository.env})
    done = repository.run(conftest.BUILD / "testfan", "select", "--since", "HEAD~1", cwd=tmp_path / "shallow", check=4)
    assert "shallow" in done.stderr and "fetch-depth" in done.stderr
    plain = conftest.Tree(tmp_path / "plain")
    plain.path.mkdir()
    plain.write({"test_a.py": ""})
    plain.env["GIT_CEILING_DIRECTORIES"] = str(tmp_path)
    assert "needs a git repository" in plain.testfan("select", "--since", "HEAD", check=4).stderr


def test_options_of_git_are_not_taken_from_revisions(repository):
    done = repository.testfan("select", "--since=--output=evil", check=4)
    assert "git has no revision" in done.stderr and not (repository.path / "evil").exists()
