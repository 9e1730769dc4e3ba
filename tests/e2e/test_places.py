"""Where a tree lies and what is around it: odd paths, an environment that lacks things, a tree that is read-only, an older testfan's server."""
import os

import conftest
import pytest

FILES = {
    "test_a.py": "def test_it(tmp_path):\n    (tmp_path / 'x').write_text('x')\n",
    "pkg/test_b.py": "import helper\ndef test_it():\n    assert helper.GOOD\n",
    "pkg/helper.py": "GOOD = True\n",
}
NAMES = {
    "spaces": " with  spaces ", "dollars": "do$llar $HOME ${x} $$", "quotes": "quo'te\"s `x`", "colon": "co:lon;&|", "hash": "per%cent#hash",
    "backslash": "back\\slash\\", "dash": "-dash", "no UTF-8": os.fsdecode(b"non \xff\xfe"), "longer than a socket's may be": "x" * 120 + "/" + "y" * 120,
}  # fmt: skip


def make(path):
    path.mkdir(parents=True)
    return conftest.Tree(path).write(FILES)


@pytest.mark.parametrize("name", NAMES)
def test_names(tmp_path, name):
    tree = make(tmp_path / NAMES[name])
    tree.testfan("test", check=0)
    assert len(conftest.servers(tree.path)) == 1
    tree.write({"pkg/helper.py": "GOOD = False\n"})
    _, ran = tree.ran(lambda: tree.ninja("test", check=1))
    assert ran == ["pkg/test_b.py"]
    assert sorted(outcome for _, _, outcome in tree.report().elements()) == ["failure", "passed"]
    tree.write({"pkg/helper.py": "GOOD = 1\n"})
    tree.testfan("test", "--no-workers", check=0)
    tree.write({"conftest.py": "def pytest_sessionstart():\n    pass\n"}).testfan("test", check=0)
    assert sorted(outcome for _, _, outcome in tree.report().elements()) == ["passed", "passed"]


@pytest.mark.parametrize("command", ["test", "gen"])
def test_a_name_with_a_line_break_is_refused(tmp_path, command):
    tree = make(tmp_path / "new\nline")
    done = tree.testfan(command, check=4)
    assert "new\\nline' cannot be worked in: no build file can hold a line break in a name [bad-name]" in done.stderr
    assert sorted(path.name for path in tree.path.iterdir()) == ["pkg", "test_a.py"]


@pytest.mark.parametrize("changed", [{"HOME": None}, {"TMPDIR": "/nosuch"}, {"TMPDIR": "/proc"}, {"PATH": "/nosuch"}, {"LC_ALL": None, "LANG": None, "USER": None}], ids=str)
def test_environments(tmp_path, changed):
    tree = make(tmp_path / "tree")
    tree.env = {key: value for key, value in {**tree.env, **changed}.items() if value is not None}
    for mode in [], ["--no-workers"]:
        tree.testfan("test", *mode, check=0)
        assert sum(tree.report().values()) == 2
        tree.write({name: text + "#\n" for name, text in FILES.items()})


@pytest.mark.parametrize("before", [False, True])
def test_a_tree_that_is_read_only(tmp_path, before):
    tree = make(tmp_path / "tree")
    if before:
        tree.testfan("test", check=0)
    folder = tree.path / ".testfan" if before else tree.path
    folder.chmod(0o555)
    nobody_special = ["setpriv", "--bounding-set=-all"] if os.geteuid() == 0 else []
    done = tree.run(*nobody_special, conftest.BUILD / "testfan", "test", "--python", tree.python, check=4)
    folder.chmod(0o755)
    assert done.stderr.splitlines() == [
        ".testfan: error: cannot be written to: Permission denied [io]",
        "  hint: testfan keeps its results in .testfan/ at the rootdir, which must be writable",
    ]


def test_the_server_of_an_older_testfan(tmp_path):
    """It is not asked, and ends when nobody asks it."""
    tree = make(tmp_path / "tree")
    ours = (conftest.BUILD / "testfan").read_bytes()
    older = tmp_path / "older"
    older.write_bytes(ours.replace(b"Keeps one started pytest ready", b"Keeps one pytest, all started,"))
    older.chmod(0o755)
    assert older.read_bytes() != ours
    tree.run(older, "test", "--python", tree.python, check=0, TESTFAN_IDLE="3")
    (first,) = conftest.servers(tree.path)
    for path in tree.path.glob("**/test_*.py"):
        path.write_text(path.read_text() + "#\n")
    done = tree.testfan("test", "-v", check=0)
    assert "in a process of its own" not in done.stdout + done.stderr
    (second,) = set(conftest.servers(tree.path)) - {first}
    conftest.wait_until(lambda: conftest.servers(tree.path) == [second])


EDITABLE = {
    "lib-1.dist-info/METADATA": "Name: lib\nVersion: 1\n",
    "lib-1.dist-info/RECORD": "lib.pth,,\n",
    "lib-1.dist-info/direct_url.json": '{"url": "file://%s", "dir_info": {"editable": true}}',
    "lib.pth": "%s\n",
}


def put_outside(tree, how):
    """A package beside the tree, which finds it in one way or another."""
    outside = tree.path.parent / "outside"
    (outside / "lib").mkdir(parents=True)
    where = {"pythonpath": "[tool.pytest.ini_options]\npythonpath = ['../outside']\n", "sources": "[tool.testfan]\nsources = ['../outside']\n"}
    tree.write({"pyproject.toml": where.get(how, "[tool.pytest.ini_options]\n")})
    if how == "sources":
        tree.write({"conftest.py": "import sys\nsys.path.append('../outside')\n"})
    if how == "PYTHONPATH":
        tree.env["PYTHONPATH"] = str(outside)
    if how == "editable":
        install_editable(tree, outside)
    return outside / "lib"


def install_editable(tree, project):
    site = tree.path.parent / "site"
    for name, text in EDITABLE.items():
        path = site / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("%s", str(project)))
    tree.env["PYTHONPATH"] = os.pathsep.join([str(site), str(project)])


@pytest.mark.parametrize("bare", [False, True], ids=["testfan", "ninja"])
@pytest.mark.parametrize("how", ["pythonpath", "sources", "PYTHONPATH", "editable"])
def test_a_package_beside_the_tree(tree, how, bare):
    lib = put_outside(tree, how)
    (lib / "store.py").write_text("GOOD = 1\n")
    tree.write({"test_a.py": "from lib.store import GOOD\ndef test_it():\n    assert GOOD\n", "test_b.py": "def test_it():\n    pass\n"})
    run = tree.ninja if bare else tree.testfan
    tree.testfan("test", check=0)
    assert tree.ran(lambda: run("test", check=0))[1] == []
    for text, status in ("GOOD = None\n", 1), ("GOOD = 12\n", 0):
        (lib / "store.py").write_text(text)
        assert tree.ran(lambda: run("test", check=status))[1] == ["test_a.py"]
    assert tree.ran(lambda: run("test", check=0))[1] == []


@pytest.mark.parametrize("editable", [False, True])
def test_the_folder_above_is_on_the_path(tree, editable):
    if editable:
        install_editable(tree, tree.path.parent)
    (tree.path.parent / "lib.py").write_text("")
    tree.write({"pytest.ini": "[pytest]\n" + ("" if editable else "pythonpath = ..\n"), "helper.py": "GOOD = 1\n"})
    tree.write({"test_a.py": f"import lib\nfrom {tree.path.name}.helper import GOOD\ndef test_it():\n    assert GOOD\n"})
    tree.testfan("test", check=0)
    assert tree.ran(lambda: tree.testfan("test", check=0))[1] == []
    tree.write({"helper.py": "GOOD = None\n"})
    tree.testfan("test", check=1)


def test_links_that_lead_back_beside_the_tree(tree):
    lib = put_outside(tree, "pythonpath")
    (lib / "store.py").write_text("GOOD = 1\n")
    for name, target in ("up", ".."), ("again", ".."), ("down", tree.path):
        (lib / name).symlink_to(target)
    tree.write({"test_a.py": "from lib.store import GOOD\ndef test_it():\n    assert GOOD\n"})
    tree.testfan("test", check=0, timeout=60)
    watched = (tree.path / ".testfan/gen.d").read_text()
    assert "lib/store.py" in watched and "lib/up/lib" not in watched and "lib/down" not in watched
    assert tree.ran(lambda: tree.testfan("test", check=0))[1] == []
