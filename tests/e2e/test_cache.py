"""The cache of passed results: what passed once does not run again for the same inputs, and nothing else comes from it."""
import json
import os
import shutil
import subprocess
import time

import conftest
import pytest

# Tests tell outside of the tree that they ran.
TELL = "import os, pytest, time\nwith open(os.environ['RAN'], 'a') as f:\n    f.write(os.path.basename(__file__) + '\\n')\n"
PASS = TELL + "def test_it():\n    pass\n"
READS = (
    TELL + "from lib import mod\n\ndef test_it():\n    assert mod\n    open('tests/da' + 'ta.x').close()\n    assert os.listdir('tests/su' + 'b')\n"
    "    os.path.exists('tests/op' + 'tional.x')\n    assert os.listdir('tests/em' + 'pty') is not None and os.path.isdir('tests/bu' + 'ilt') is not None\n    open('tests/li' + 'nk').close()\n"
    "    from lib import late\n    try:\n        import late_top\n    except ImportError:\n        pass\n"
)
FILES = {
    "pytest.ini": "[pytest]\nmarkers = slow\n", "conftest.py": "pytest_plugins = ['plug']\n", "plug.py": "", "lib/__init__.py": "",
    "lib/mod.py": "X = 1\n", "lib/late.py": "", "tests/test_a.py": READS, "tests/test_b.py": PASS, "tests/data.x": "1", "tests/sub/y": "",
    "tests/one": "same", "tests/two": "same",
}  # fmt: skip


class Cached(conftest.Tree):
    def __init__(self, path, *args, **kw):
        super().__init__(path, *args, **kw)
        path.mkdir(exist_ok=True)
        self.told = path.parent / f"ran-{path.name}"
        self.env.update(RAN=str(self.told), TESTFAN_REMOTE_CACHE_TIMEOUT="60")

    def forget(self):
        """As a new folder with the same files, but for the cache."""
        shutil.rmtree(self.path / ".testfan/results", ignore_errors=True)
        (self.path / "build.ninja").unlink(missing_ok=True)
        return self

    def executed(self, run):
        self.told.unlink(missing_ok=True)
        done = run()
        return sorted(set(self.told.read_text().split())) if self.told.exists() else [], done

    def test(self, *words, check=0, **env):
        return self.executed(lambda: self.testfan("test", *words, check=check, **env))[0]

    def stats(self, **env):
        return json.loads(self.testfan("cache", "stats", "--format", "json", check=0, **env).stdout)


@pytest.fixture
def tree(tmp_path):
    return Cached(tmp_path / "tree")


@pytest.fixture
def full(tree):
    tree.write(FILES)
    (tree.path / "tests/link").symlink_to("one")
    (tree.path / "tests/empty").mkdir()
    (tree.path / "tests/built").mkdir()
    (tree.path / "pyproject.toml").write_text("[tool.testfan]\nenv = ['COUNTS']\n")
    ran, done = tree.executed(lambda: tree.testfan("test", "-v", check=0))
    assert ran == ["test_a.py", "test_b.py"] and "not kept" not in done.stdout + done.stderr, done.stdout + done.stderr
    assert tree.forget().test() == []
    return tree


def test_a_report_from_the_cache_is_the_one_that_was_made(full):
    first = full.report()
    results = full.path / ".testfan/results/tests"
    files = {p.name: p.read_bytes() for p in results.iterdir() if p.suffix != ".d"}
    done = full.forget().testfan("test", "--stats", check=0)
    assert "0 of 2 test files ran, 2 came from the cache\n" in done.stdout and "\ncached 2\n" in done.stderr
    assert full.report() == first and sum(first.values()) == 2
    assert {p.name: p.read_bytes() for p in results.iterdir() if p.suffix != ".d"} == files
    assert "no work to do" in full.ninja("test", check=0).stdout
    assert "2 of 2" not in full.testfan("test", check=0).stdout


def test_bare_ninja_asks_the_cache_too(full):
    full.testfan("gen", check=0)
    shutil.rmtree(full.path / ".testfan/results")
    assert full.executed(lambda: full.ninja("test", check=0))[0] == []


def test_times_do_not_count(full):
    for path in full.path.rglob("*"):
        if path.is_file() and ".testfan" not in path.parts:
            os.utime(path)
    assert full.test() == []
    assert "no work to do" in full.ninja("test", check=0).stdout


def edit(name, text="X = 2\n"):
    return lambda tree: (tree.path / name).write_text(text)


def retarget(tree):
    (tree.path / "tests/link").unlink()
    (tree.path / "tests/link").symlink_to("two")


CHANGES = {
    "module": (edit("lib/mod.py"), "a"),
    "package": (edit("lib/__init__.py"), "a"),
    "module imported in a function": (edit("lib/late.py"), "a"),
    "module that comes": (edit("late_top.py"), "a"),
    "test": (edit("tests/test_b.py", PASS + "# more\n"), "b"),
    "conftest": (edit("conftest.py", "pytest_plugins = ['plug']\n# more\n"), "ab"),
    "conftest that comes": (edit("tests/conftest.py"), "ab"),
    "plugin": (edit("plug.py"), "ab"),
    "configuration": (edit("pytest.ini", "[pytest]\nmarkers = fast\n"), "ab"),
    "data": (edit("tests/data.x", "2"), "a"),
    "listing": (edit("tests/sub/z", ""), "a"),
    "absent path": (edit("tests/optional.x", ""), "a"),
    "absent path that leads nowhere": (lambda tree: (tree.path / "tests/optional.x").symlink_to("nowhere"), "a"),
    "link to the same bytes": (retarget, "a"),
    "link in place of a file": (lambda tree: ((tree.path / "tests/data.x").rename(tree.path / "tests/data.y"), (tree.path / "tests/data.x").symlink_to("data.y")), "a"),
    "executable": (lambda tree: (tree.path / "tests/data.x").chmod(0o755), "a"),
    "empty folder that was listed": (lambda tree: (tree.path / "tests/empty").rmdir(), "a", 1),
    "empty folder that was looked at": (lambda tree: (tree.path / "tests/built").rmdir(), "a"),
    "executable module": (lambda tree: (tree.path / "lib/mod.py").chmod(0o755), "a"),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_what_counts(full, tmp_path, name):
    change, reached, *code = CHANGES[name]
    code = code[0] if code else 0
    kept = tmp_path / "kept"
    shutil.copytree(full.path, kept, symlinks=True, ignore=shutil.ignore_patterns("server"))
    change(full)
    files = [f"test_{c}.py" for c in reached]
    assert full.forget().test("--strict-isolation", check=code) == files
    assert full.forget().test("--strict-isolation", check=code) == (files if code else [])
    # And back: what had passed before is still known.
    cache = full.path / ".testfan/cache/results"
    shutil.rmtree(kept / ".testfan/cache/results")
    cache.rename(kept / ".testfan/cache/results")
    shutil.rmtree(full.path)
    kept.rename(full.path)
    assert full.forget().test() == []


@pytest.mark.parametrize(
    "env",
    [{"TZ": "Asia/Tokyo"}, {"LC_ALL": "C"}, {"LC_TIME": "C"}, {"LANG": "C"}, {"PYTEST_ADDOPTS": "-m slow", "check": 5}, {"PYTHONOPTIMIZE": "1"},
     {"PYTHONPATH": "/nowhere"}, {"COUNTS": "1"}],
    ids=lambda env: next(iter(env)),
)  # fmt: skip
def test_environment_that_counts(full, env):
    env = dict(env)
    check = env.pop("check", 0)
    assert full.forget().test(check=check, **env) == ["test_a.py", "test_b.py"]
    assert full.forget().test(check=check, **env) == []
    assert full.forget().test() == []
    assert full.forget().test(OTHER="1") == []


def test_an_environment_that_gen_did_not_see_keeps_nothing(full):
    """A bare ninja does not run gen again: what passes in Tokyo must not be found in London."""
    (full.path / "tests/test_b.py").write_text(PASS + "    assert os.environ.get('TZ') == 'Asia/Tokyo'\n")
    full.executed(lambda: full.ninja("test", check=0, TZ="Asia/Tokyo"))
    assert full.forget().test("--strict-isolation", check=1) == ["test_b.py"]


def make_venv(tree, path, version="1.0", text="X = 1\n"):
    tree.run(tree.python, "-m", "venv", "--without-pip", path, check=0)
    site = next(path.glob("lib/python*/site-packages"))
    base = tree.run(tree.python, "-c", "import pytest, os; print(os.path.dirname(os.path.dirname(pytest.__file__)))", check=0).stdout
    (site / "base.pth").write_text(base)
    install(path, version, text)
    return path / "bin/python"


def install(venv, version, text):
    site = next(venv.glob("lib/python*/site-packages"))
    for old in site.glob("onething-*"):
        shutil.rmtree(old)
    (site / "onething.py").write_text(text)
    info = site / f"onething-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Name: onething\nVersion: {version}\n")
    (info / "entry_points.txt").write_text("[console_scripts]\nonething = onething:main\n")
    (info / "direct_url.json").write_text(json.dumps({"url": f"file://{venv}"}))
    (info / "RECORD").write_text(
        f"onething.py,sha256={hash(text)},{len(text)}\n../../../bin/onething,sha256={hash(str(venv))},{len(str(venv))}\n"
        f"onething-{version}.dist-info/direct_url.json,sha256={hash(venv)},1\nonething-{version}.dist-info/RECORD,,\n"
    )


def test_distributions_count_and_where_they_lie_does_not(tree, tmp_path):
    tree.write({"tests/test_a.py": TELL + "import onething\n\ndef test_it():\n    pass\n", "tests/test_b.py": PASS})
    tree.python = str(make_venv(tree, tmp_path / "venv"))
    assert tree.test() == ["test_a.py", "test_b.py"]
    first = tree.python
    tree.python = str(make_venv(tree, tmp_path / "another/venv"))
    assert tree.forget().test() == []
    install(tmp_path / "another/venv", "2.0", "X = 1\n")
    assert tree.forget().test() == ["test_a.py"]
    install(tmp_path / "another/venv", "1.0", "X = 2\n")
    assert tree.forget().test() == ["test_a.py"]
    tree.python = first
    assert tree.forget().test() == []


def test_another_interpreter_counts(full):
    """One that says it is of the same version, and another build."""
    known = full.path / ".testfan/cache/python.json"
    answer = json.loads(known.read_text())
    known.write_text(json.dumps({**answer, "build": answer["build"] + " built by somebody else"}))
    assert full.forget().test() == ["test_a.py", "test_b.py"]
    known.write_text(json.dumps(answer))
    assert full.forget().test() == []


# What is never kept.
NEVER = {
    "failure": ("    assert 0\n", 1),
    "wrote into the tree": ("    open('tests/ma' + 'de', 'w').close()\n", 0),
    "wrote over a file of the tree": ("    open('lib/mod.py', 'a').close()\n", 0),
    "removed from the tree": ("    if os.path.exists('tests/two'): os.remove('tests/two')\n", 0),
    "made a folder in the tree": ("    os.makedirs('tests/ma' + 'de/deep', exist_ok=True)\n", 0),
    "a program that cannot be watched": ("    import subprocess; subprocess.run(['cat', '/dev/null'], check=True)\n", 0),
    "a program by os.posix_spawn": ("    os.waitpid(os.posix_spawn('/bin/cat', ['cat', '/dev/null'], os.environ), 0)\n", 0),
    "a program by os.execv": ("    if not os.fork(): os.execv('/bin/cat', ['cat', '/dev/null'])\n    os.wait()\n", 0),
    "a shell": ("    os.system('true')\n", 0),
    "a Python on its own": ("    import subprocess, sys; subprocess.run([sys.executable, '-I', '-c', ''], check=True)\n", 0),
}  # fmt: skip


@pytest.mark.parametrize("name", NEVER)
def test_what_is_never_kept(full, name):
    body, code = NEVER[name]
    (full.path / "tests/test_b.py").write_text(TELL + "def test_it():\n" + body)
    for _ in range(2):
        assert full.forget().test("--strict-isolation", check=code) == ["test_b.py"]


def test_what_is_made_and_removed_again_leaves_nothing(full):
    body = "def test_it():\n    os.makedirs('tests/ma' + 'de/deep')\n    open('tests/ma' + 'de/deep/x', 'w').close()\n    import shutil; shutil.rmtree('tests/ma' + 'de')\n"
    (full.path / "tests/test_b.py").write_text(TELL + body)
    assert full.test() == ["test_b.py"]
    assert full.forget().test() == []
    (full.path / "tests/made").mkdir()
    assert full.forget().test() == ["test_b.py"]


def test_a_pass_after_a_failure_is_not_kept(tree, tmp_path):
    body = f"def test_it():\n    first = not os.path.exists({str(tmp_path / 'again')!r})\n    open({str(tmp_path / 'again')!r}, 'w').close()\n    assert not first\n"
    tree.write({"test_a.py": TELL + body})
    assert tree.test("--retries=1") == ["test_a.py"]
    assert tree.forget().test("--retries=1") == ["test_a.py"]
    assert tree.forget().test() == []


def test_what_passes_only_in_company_is_not_kept(tree):
    tree.write({"test_a.py": PASS + "\nimport sys\nsys.leaned_on = 1\n", "test_b.py": TELL + "import sys\ndef test_it():\n    assert sys.leaned_on\n"})
    assert "test_b.py" in tree.test()
    assert "test_b.py" in tree.forget().test()


def test_a_part_of_a_file_is_not_kept_and_does_not_come_from_the_cache(full):
    (full.path / "tests/test_b.py").write_text(PASS + "def test_other():\n    assert 0\n")
    for _ in range(2):
        assert full.test("-k", "test_it", "tests/test_b.py") == ["test_b.py"]
        shutil.rmtree(full.path / ".testfan/runs")
    assert full.forget().test("--strict-isolation", "tests/test_b.py", check=1) == ["test_b.py"]


@pytest.mark.parametrize("back", [False, True], ids=["changed", "changed and back"])
@pytest.mark.parametrize("file", ["lib/mod.py", "tests/data.x"])
def test_what_changes_while_it_runs(full, tmp_path, file, back):
    go, ready = tmp_path / "go", tmp_path / "ready"
    wait = f"    open({str(ready)!r}, 'w').close()\n    while not os.path.exists({str(go)!r}): time.sleep(.01)\n"
    (full.path / "tests/test_a.py").write_text(READS + wait)
    before = (full.path / file).read_text()
    words = [conftest.BUILD / "testfan", "test", "--python", full.python]
    run = subprocess.Popen(words, cwd=full.path, env=full.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not ready.exists():
        assert run.poll() is None
        time.sleep(0.01)
    (full.path / file).write_text("X = 3\n")
    if back:
        (full.path / file).write_text(before)
    go.touch()
    assert run.wait(120) == 0
    assert full.forget().test() == ["test_a.py"]
    assert full.forget().test() == []


def test_skips_are_kept_on_this_machine(full):
    (full.path / "tests/test_b.py").write_text(TELL + "def test_it():\n    pytest.skip('not here')\n")
    assert full.test() == ["test_b.py"]
    assert full.forget().test() == []
    manifests = [p.read_text() for p in (full.path / ".testfan/cache/results/ac").rglob("*") if p.is_file()]
    assert sum("\nh " in text for text in manifests) == 1


def test_the_cache_can_be_turned_off(full):
    assert full.forget().test("--no-cache") == ["test_a.py", "test_b.py"]
    (full.path / "pyproject.toml").write_text("[tool.testfan]\ncache = false\n")
    assert full.forget().test() == ["test_a.py", "test_b.py"]
    assert full.forget().test() == ["test_a.py", "test_b.py"]
    (full.path / "pyproject.toml").write_text("[tool.testfan]\ntrace = false\n")
    for _ in range(2):
        assert full.forget().test() == ["test_a.py", "test_b.py"]


def test_a_size_that_is_none_is_told(full):
    for size in ('"many"', '"-1"', "0", '"99999999999G"', '"1GB"'):
        (full.path / "pyproject.toml").write_text(f"[tool.testfan]\ncache-size = {size}\n")
        assert "[config]" in full.testfan("test", check=4).stderr


def entries(tree, kind):
    return [p for p in (tree.path / f".testfan/cache/results/{kind}").rglob("*") if p.is_file()]


@pytest.mark.parametrize("damage", [b"", b"garbage\n", None, "short", "flip"])
@pytest.mark.parametrize("kind, reached", [("ac", "ab"), ("cas", "a")])
def test_damage_is_found_and_removed(full, kind, reached, damage):
    edit("tests/data.x", "2")(full)
    assert full.test() == ["test_a.py"]
    edit("tests/data.x", "1")(full)
    assert full.forget().test() == [] and len(entries(full, "ac")) == 2 and len(entries(full, "cas")) == 1
    for path in entries(full, kind):
        text = path.read_bytes()
        if damage is None:
            path.unlink()
        elif damage == "short":
            path.write_bytes(text[:-2])
        elif damage == "flip":
            path.write_bytes(text[:-9] + bytes([text[-9] ^ 1]) + text[-8:])
        else:
            path.write_bytes(damage)
    assert full.forget().test() == [f"test_{c}.py" for c in reached]
    assert full.forget().test() == []


def test_a_folder_that_cannot_be_written_is_no_error(full, tmp_path):
    (tmp_path / "file").write_text("")
    done = full.forget().testfan("test", check=0, TESTFAN_CACHE_DIR=str(tmp_path / "file/cache"))
    assert "cache" not in done.stderr and "came from" not in done.stdout


def test_a_full_disk_is_no_error(full):
    full.testfan("cache", "clear", check=0)
    done = full.run("bash", "-c", f"ulimit -f 8; exec {conftest.BUILD}/testfan exec run 2>&1", check=2)
    assert "not by people" in done.stdout
    (full.path / "tests/test_b.py").write_text(TELL + "def test_it(record_property):\n    record_property('x', 'y' * 30000)\n")
    (full.path / "pyproject.toml").write_text("[tool.testfan]\ncache-size = '20K'\n")
    assert full.forget().test() == ["test_a.py", "test_b.py"]
    assert full.forget().test() == ["test_b.py"]


def test_what_was_used_longest_ago_goes(tree):
    big = TELL + "def test_it(record_property):\n    record_property('x', 'y' * 20000)\n"
    tree.write({f"test_{i:02}.py": big for i in range(20)})
    tree.write({"pyproject.toml": "[tool.testfan]\ncache-size = '200K'\n"})
    assert len(tree.test("-j1")) == 20
    stats = tree.stats()
    assert 0 < stats["bytes"] <= 200 * 1024 and stats["limit"] == 200 * 1024 and 0 < stats["results"] < 12
    last = tree.forget().test("-j1", "test_19.py", "test_18.py"), tree.test("-j1", "test_00.py")
    assert last == ([], ["test_00.py"])


def test_stats_and_clear(full, tmp_path):
    stats = full.stats()
    assert stats["results"] == stats["manifests"] == 2 and stats["hits"] == 2 and stats["remote"] is None
    assert stats["dir"] == str(full.path / ".testfan/cache/results") and stats["limit"] == 1 << 30
    assert "2 results" in full.testfan("cache", "stats", check=0).stdout
    (full.path / ".testfan/cache/results/mine").write_text("")
    full.testfan("cache", "clear", check=0)
    assert os.listdir(full.path / ".testfan/cache/results") == ["mine"]
    assert full.stats()["results"] == 0
    assert full.forget().test() == ["test_a.py", "test_b.py"]
    assert "stats, clear" in full.testfan("cache", check=4).stderr
    assert "stats, clear" in full.testfan("cache", "clean", check=4).stderr


def test_the_folder_can_be_elsewhere(full, tmp_path):
    (full.path / "pyproject.toml").write_text("[tool.testfan]\ncache-dir = '../shared'\n")
    full.forget().test()
    assert (tmp_path / "shared/ac").is_dir()
    assert full.forget().test(TESTFAN_CACHE_DIR=str(tmp_path / "other")) == ["test_a.py", "test_b.py"]
    assert (tmp_path / "other/ac").is_dir()
    assert full.stats(TESTFAN_CACHE_DIR=str(tmp_path / "other"))["results"] == 2


def git(tree, *words):
    return tree.run("git", "-c", "user.name=x", "-c", "user.email=x@x", *words, check=0)


def test_another_branch_and_back(full):
    git(full, "init", "-q")
    (full.path / ".gitignore").write_text("build.ninja\n__pycache__\n")
    full.test()
    git(full, "add", ".")
    git(full, "commit", "-qm", "one")
    git(full, "checkout", "-qb", "other")
    edit("lib/mod.py")(full)
    assert full.test() == ["test_a.py"]
    git(full, "commit", "-qam", "two")
    for branch in "master", "other", "-", "other":
        git(full, "checkout", "-q", branch)
        assert full.test() == []


def test_a_clone_elsewhere_runs_nothing_and_starts_no_python(full, tmp_path):
    shared = str(tmp_path / "shared")
    full.forget().test(TESTFAN_CACHE_DIR=shared)
    git(full, "init", "-q")
    git(full, "add", "-f", *FILES, "tests/link", "pyproject.toml")
    git(full, "commit", "-qm", "one")
    (tmp_path / "a").mkdir()
    clone = Cached(tmp_path / "a/deeper clone")
    git(full, "clone", "-q", full.path, clone.path)
    conftest.end_servers(tmp_path)
    for name in "empty", "built":  # git has no empty folders
        (clone.path / "tests" / name).mkdir()
    assert clone.test(TESTFAN_CACHE_DIR=shared) == []
    assert clone.report() == full.report()
    assert conftest.servers(clone.path) == []


def test_many_at_once(tmp_path):
    trees = [Cached(tmp_path / f"tree{i}") for i in range(3)]
    files = {f"test_{i}.py": PASS for i in range(8)}
    words = [conftest.BUILD / "testfan", "test", "--python", trees[0].python, "--no-workers"]
    runs = [subprocess.Popen(words, cwd=t.write(files).path, env={**t.env, "TESTFAN_CACHE_DIR": str(tmp_path / "shared")},
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for t in trees]  # fmt: skip
    for run in runs:
        errors = run.communicate(timeout=120)[1]
        assert run.returncode == 0 and b"cache" not in errors
    for t in trees:
        assert t.forget().test(TESTFAN_CACHE_DIR=str(tmp_path / "shared")) == []
        assert sum(t.report().values()) == 8
