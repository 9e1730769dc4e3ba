"""The oracle's own parts: how it reads strace's logs, and the rules by which a touch is an input."""
import pathlib
import sys
import types

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "oracle"))
import edges
import inputs
import strace
from strace import ABSENT, LIST, READ, SEARCH, STAT, WRITE


def log(tmp_path, **processes):
    """A log as strace -ff -ttt writes it: a process, and for each call when it was made and what was printed."""
    for process, lines in processes.items():
        (tmp_path / f"log.{process[1:]}").write_text("".join(f"{line}\n" for line in lines))
    return strace.touches(tmp_path / "log", "/start")


@pytest.mark.parametrize(
    "line, touched",
    [
        ('openat(AT_FDCWD</at>, "a", O_RDONLY|O_CLOEXEC) = 3</at/a>', [(READ, "/at/a")]),
        ('openat(AT_FDCWD</at>, "../b", O_RDONLY) = -1 ENOENT (No such file or directory)', [(ABSENT, "/b")]),
        ('openat(7</dir>, "a", O_RDWR|O_CREAT, 0666) = 3</dir/a>', [(READ, "/dir/a"), (WRITE, "/dir/a")]),
        ('openat(AT_FDCWD</at>, "a", O_WRONLY|O_CREAT|O_TRUNC, 0666) = 3</at/a>', [(WRITE, "/at/a")]),
        ('openat(AT_FDCWD</at>, "a", O_RDONLY|O_DIRECTORY) = 3</at/a>', [(LIST, "/at/a")]),
        ('openat(AT_FDCWD</at>, "a", O_WRONLY|O_CREAT|O_EXCL, 0600) = -1 EEXIST (File exists)', [(STAT, "/at/a")]),
        (r'openat(AT_FDCWD</a\74t>, "\303\251\"\n", O_RDONLY) = 3</x>', [(READ, '/a<t/é"\n')]),
        ('newfstatat(3</at/a>, "", {st_mode=S_IFREG|0644, ...}, AT_EMPTY_PATH) = 0', []),
        ('newfstatat(5</dir>, "a", {st_mode=S_IFREG|0644, ...}, 0) = 0', [(STAT, "/dir/a")]),
        ('access("a", R_OK) = -1 EACCES (Permission denied)', [(STAT, "/start/a")]),
        ('readlink("/a/b", 0x7f, 64) = -1 EINVAL (Invalid argument)', [(STAT, "/a/b")]),
        ('stat("/a/b/c", 0x7f) = -1 ENOTDIR (Not a directory)', [(ABSENT, "/a/b/c")]),
        ('rename("/a", "/b") = 0', [(WRITE, "/a"), (WRITE, "/b")]),
        ('symlink("/a", "/b") = 0', [(WRITE, "/b")]),
        ('mkdir("/a", 0777) = -1 EEXIST (File exists)', [(STAT, "/a")]),
        ('execve("/bin/x", ["x", "/a"], 0x7f /* 3 vars */) = 0', [(READ, "/bin/x")]),
    ],
)
def test_a_call_is_a_touch(tmp_path, line, touched):
    assert log(tmp_path, p1=[f"1.5 {line}"]) == touched


def test_a_child_starts_where_its_parent_was(tmp_path):
    parent = ['1.0 chdir("/x") = 0', "1.1 vfork() = 2", '1.4 chdir("y") = 0', '1.6 access("a", R_OK) = 0']
    child = ['1.2 access("b", R_OK) = 0', "1.3 fchdir(4</z>) = 0", '1.5 access("c", R_OK) = 0']
    touched = [path for _, path in log(tmp_path, p1=parent, p2=child)]
    assert touched == ["/x", "/x/b", "/x/y", "/z/c", "/x/y/a"]


def test_a_listing_right_after_a_look_is_a_search(tmp_path):
    look = '{} newfstatat(AT_FDCWD</>, "/a", {{st_mode=S_IFDIR}}, {}) = 0'
    listing = '{} openat(AT_FDCWD</>, "/a", O_RDONLY|O_DIRECTORY) = 3</a>'
    lines = [look.format("1.0", 0), listing.format("1.1"), listing.format("1.2")]
    lines += [look.format("1.3", "AT_SYMLINK_NOFOLLOW"), listing.format("1.4")]
    assert [kind for kind, _ in log(tmp_path, p1=lines)] == [STAT, SEARCH, LIST, STAT, LIST]


@pytest.fixture
def tree(tmp_path):
    for name in ("pkg/__init__.py", "pkg/a.py", "pkg/sub/b.py", "tests/test_a.py", "tests/data/x.txt", "p.egg-info/PKG-INFO"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return inputs.Tree(tmp_path)


def seen(tree, touched, empty=()):
    """What is left of the touches as inputs, by kind."""
    run, blank = [
        inputs.Run(tree, [(kind, f"{tree.root}/{path}".rstrip("/")) for kind, path in touches]) for touches in (touched, empty)
    ]
    return {kind: paths for kind, paths in run.inputs(blank, lambda p: p.replace("empty", "test_a")).items() if paths}


@pytest.mark.parametrize(
    "touched, empty, left",
    [
        ([(READ, "pkg/__pycache__/a.cpython-311.pyc")], [], {"py": {"pkg/a.py"}}),
        ([(READ, "tests/__pycache__/test_a.cpython-311-pytest-9.1.pyc")], [], {"py": {"tests/test_a.py"}}),
        ([(WRITE, "pkg/__pycache__/a.cpython-311.pyc"), (STAT, "pkg/a.py")], [], {"stat": {"pkg/a.py"}}),
        ([(STAT, "pkg/a.py"), (READ, "pkg/a.py")], [], {"py": {"pkg/a.py"}}),
        ([(READ, "pkg/a.py")], [(READ, "pkg/a.py")], {"py": {"pkg/a.py"}}),
        ([(READ, "p.egg-info/PKG-INFO")], [], {"egg": {"p.egg-info/PKG-INFO"}}),
        ([(READ, "tests/data")], [], {"list": {"tests/data"}}),
        ([(LIST, "tests/data")], [(LIST, "tests/data")], {}),
        ([(LIST, "tests/data")] * 2, [(LIST, "tests/data")], {"list": {"tests/data"}}),
        ([(LIST, "")], [], {"list": {""}}),
        ([(STAT, "tests/test_a.py")], [(STAT, "tests/empty.py")], {}),
        ([(ABSENT, "tests/conftest.py")], [(ABSENT, "tests/conftest.py")], {}),
        ([(ABSENT, "tests/y"), (ABSENT, "<string>"), (ABSENT, "memory:0x7f04a1b2")], [], {"absent": {"tests/y"}}),
        ([(ABSENT, "out"), (WRITE, "out"), (READ, "out")], [], {}),
        ([(ABSENT, "out/a")], [(WRITE, "out")], {}),
        ([(WRITE, "tests/data/x.txt"), (READ, "tests/data/x.txt")], [], {}),
        ([(READ, "tests/data/x.txt"), (WRITE, "tests/data/x.txt")], [], {"data": {"tests/data/x.txt"}}),
        ([(READ, "left-by-another-run.txt"), (READ, ".pytest_cache/v"), (READ, ".git/HEAD")], [], {}),
        ([(STAT, "tests"), (READ, "tests/data/x.txt")], [], {"data": {"tests/data/x.txt"}}),
        ([(STAT, "tests/data")], [], {"stat": {"tests/data"}}),
    ],
)
def test_which_touches_are_inputs(tree, touched, empty, left):
    assert seen(tree, touched, empty) == left


def test_what_the_import_system_searched_is_left_out(tree):
    imported = [(READ, "pkg/__pycache__/a.cpython-311.pyc")]
    search = [(SEARCH, "pkg"), (SEARCH, ""), (STAT, "pkg/sub"), (ABSENT, "pkg/sub/__init__.py")]
    assert seen(tree, imported + search) == {"py": {"pkg/a.py"}}
    own = [(LIST, "pkg"), (SEARCH, "tests/data"), (STAT, "tests/data/x.txt"), (ABSENT, "tests/data/__init__.py")]
    assert seen(tree, imported + own) == {
        "py": {"pkg/a.py"},
        "list": {"pkg", "tests/data"},
        "stat": {"tests/data/x.txt"},
        "absent": {"tests/data/__init__.py"},
    }


@pytest.mark.parametrize(
    "kind, path, closure, looks, covered",
    [
        ("py", "pkg/a.py", {"pkg/a.py"}, set(), True),
        ("data", "tests/data/x.txt", {"tests/data/"}, {"tests/data/x.txt"}, False),
        ("list", "tests/data", {"tests/data/"}, set(), True),
        ("list", "tests/data", {"tests/data/x.txt"}, {"tests/data"}, False),
        ("list", "", {"./"}, set(), True),
        ("stat", "tests/data/x.txt", {"tests/data/"}, set(), True),
        ("stat", "tests/data/x.txt", set(), {"tests/data/x.txt"}, True),
        ("stat", "tests/data/x.txt", {"tests/"}, set(), False),
        ("stat", "tests/data", {"tests/data/x.txt"}, set(), True),
        ("absent", "tests/no/such/file", {"tests/"}, set(), True),
        ("absent", "tests/no/such/file", {"./"}, set(), False),
    ],
)
def test_what_covers_an_input(tree, kind, path, closure, looks, covered):
    side = edges.Edges(types.SimpleNamespace(path=pathlib.Path(tree.root)))
    assert side.covers(kind, path, closure, looks) is covered
