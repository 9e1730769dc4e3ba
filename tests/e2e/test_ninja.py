"""What must hold between testfan and ninja, whatever changes and however files are dated."""
import fcntl
import os
import shutil
import struct
import threading
import time

import pytest

PASSES = "def test_it():\n    pass\n"
FAILS = "def test_it():\n    assert 0\n"


def age(path):
    """Dates a file an hour back, as `cp -p`, `tar x` and `mv` leave it."""
    then = time.time() - 3600
    os.utime(path, (then, then))


def settle(tree):
    tree.testfan("test", check=0)
    tree.ninja("test", check=0)


def basic(tree):
    return tree.write(
        {
            "pyproject.toml": "[tool.pytest.ini_options]\ntestpaths = ['tests']\n",
            "pkg/__init__.py": "",
            "pkg/a.py": "from pkg import b\nVALUE = b.VALUE\n",
            "pkg/b.py": "VALUE = 1\n",
            "pkg/c.py": "VALUE = 1\n",
            "tests/test_a.py": "from pkg import a\n\ndef test_a():\n    assert a.VALUE == 1\n",
            "tests/test_c.py": "from pkg import c\n\ndef test_c():\n    assert c.VALUE == 1\n",
        }
    )


def test_nothing_to_do_while_pycache_appears(tree):
    basic(tree).testfan("gen", check=0)
    tree.ninja("test", check=0)
    assert (tree.path / "tests/__pycache__").is_dir()
    tree.ninja("test", check=0)
    assert "no work to do" in tree.ninja("test", check=0).stdout


def test_filtered_pass_is_no_pass(tree):
    basic(tree)
    tree.testfan("test", "-k", "test_a", check=0)
    (tree.path / "tests/test_c.py").write_text(FAILS)
    tree.testfan("test", "-k", "test_a", check=0)
    tree.ninja("test", check=1)
    assert ("tests.test_c", "test_it", "failure") in tree.report()


def change_edit(tree):
    (tree.path / "pkg/b.py").write_text("VALUE = 22\n")


def change_delete(tree):
    (tree.path / "pkg/b.py").unlink()


def change_rename(tree):
    (tree.path / "pkg/b.py").rename(tree.path / "pkg/bb.py")


def change_shadow(tree):
    (tree.path / "pkg/b").mkdir()
    (tree.path / "pkg/b/__init__.py").write_text("VALUE = 22\n")
    age(tree.path / "pkg/b/__init__.py")
    age(tree.path / "pkg/b")


def change_move_over(tree):
    new = tree.path / "new"
    new.write_text("VALUE = 22\n")
    age(new)
    new.rename(tree.path / "pkg/b.py")


def change_conftest(tree):
    (tree.path / "tests/conftest.py").write_text("import pytest\n\n@pytest.fixture(autouse=True)\ndef no():\n    assert 0\n")
    age(tree.path / "tests/conftest.py")


@pytest.mark.parametrize(
    "change, broken",
    [
        (change_edit, ["tests/test_a.py"]),
        (change_delete, ["tests/test_a.py"]),
        (change_rename, ["tests/test_a.py"]),
        (change_shadow, ["tests/test_a.py"]),
        (change_move_over, ["tests/test_a.py"]),
        (change_conftest, ["tests/test_a.py", "tests/test_c.py"]),
    ],
)
def test_bare_ninja_sees(tree, change, broken):
    settle(basic(tree))
    time.sleep(0.05)
    change(tree)
    done, ran = tree.ran(lambda: tree.ninja("test", check=1))
    assert ran == broken, done.stdout
    done, ran = tree.ran(lambda: tree.ninja("test", check=1))
    assert ran == broken


def test_content_replaced_in_place_by_an_older_file(tree):
    settle(basic(tree))
    old = tree.path.parent / "old.py"
    old.write_text("VALUE = 22\n")
    age(old)
    shutil.copy2(old, tree.path / "pkg/b.py")
    done, ran = tree.ran(lambda: tree.testfan("test", check=1))
    assert ran == ["tests/test_a.py"]


def test_new_and_deleted_test_files(tree):
    settle(basic(tree))
    new = tree.path / "tests/test_new.py"
    new.write_text(PASSES)
    age(new)
    done, ran = tree.ran(lambda: tree.ninja("test", check=0))
    assert ran == ["tests/test_new.py"]
    new.unlink()
    tree.ninja("test", check=0)
    assert len(tree.report()) == 2


def test_failure_runs_again_until_mended(tree):
    settle(basic(tree))
    file = tree.path / "tests/test_c.py"
    file.write_text(FAILS)
    for _ in range(2):
        done, ran = tree.ran(lambda: tree.ninja("test", check=1))
        assert ran == ["tests/test_c.py"]
    file.write_text(PASSES)
    done, ran = tree.ran(lambda: tree.ninja("test", check=0))
    assert ran == ["tests/test_c.py"]
    assert "no work to do" in tree.ninja("test", check=0).stdout


def test_one_file_by_its_name(tree):
    basic(tree).testfan("gen", check=0)
    done, ran = tree.ran(lambda: tree.ninja("tests/test_a.py.test", check=0))
    assert ran == ["tests/test_a.py"]
    (tree.path / "tests/test_c.py").write_text(FAILS)
    done = tree.ninja("tests/test_c.py.test", check=1)
    assert "passed already" not in done.stdout
    assert "FAILED" in done.stdout


def test_edit_during_the_run_runs_again(tree):
    tree.write({"test_slow.py": "import time\n\ndef test_slow():\n    time.sleep(1)\n"}).testfan("gen", check=0)
    def edit():
        time.sleep(0.6)
        (tree.path / "test_slow.py").write_text("def test_slow():\n    assert 0\n")

    editor = threading.Thread(target=edit)
    editor.start()
    tree.ninja("test")
    editor.join()
    tree.ninja("test", check=1)


@pytest.mark.parametrize("name", ["test", "all", "build.ninja.d"])
def test_folder_and_file_named_like_targets(tree, name):
    tree.write({f"{name}/data.txt": "1", "tests/test_a.py": f"# testfan: data=/{name}\n" + PASSES})
    settle(tree)
    assert "no work to do" in tree.ninja("test", check=0).stdout
    (tree.path / name / "data.txt").write_text("2")
    done, ran = tree.ran(lambda: tree.ninja("test", check=0))
    assert ran == ["tests/test_a.py"]
    (tree.path / name / "more.txt").write_text("3")
    done, ran = tree.ran(lambda: tree.ninja("test", check=0))
    assert ran == ["tests/test_a.py"]
    assert "no work to do" in tree.ninja("test", check=0).stdout


@pytest.mark.parametrize("name", ["test", "all", "tests/test_a.py.test"])
def test_data_file_named_like_a_target(tree, name):
    tree.write({name: "1", "tests/test_a.py": f"# testfan: data=/{name}\n" + PASSES})
    settle(tree)
    (tree.path / name).write_text("2")
    done, ran = tree.ran(lambda: tree.ninja("test", check=0))
    assert ran == ["tests/test_a.py"]


def test_the_project_is_the_folder_test(tree):
    tree.write({"test/__init__.py": "", "test/test_a.py": PASSES, "test/helper.py": ""})
    settle(tree)
    assert tree.report() == tree.plain()
    assert "no work to do" in tree.ninja("test", check=0).stdout


ODD = ["a b", "a$b", "a:b", "a'b", 'a"b', "a#b", "ä", "a|b", "a&b", "a;b", "a%b", "a\\b", "a\tb", "(a)", "-a", "a=b", "a\udcffb"]


@pytest.mark.parametrize("name", ODD, ids=[ascii(n) for n in ODD])
def test_odd_names(tree, name):
    tree.write({f"{name}/conftest.py": "", f"{name}/test_{name}.py": PASSES, f"{name}/data {name}.txt": ""})
    path = tree.path / name / f"test_{name}.py"
    path.write_text(f"# testfan: data=*.txt\n{PASSES}")
    done = tree.testfan("test")
    if "\udcff" in name:
        assert done.returncode in (0, 1)
        assert done.returncode == 0 or f"test_{name}.py" in done.stdout + done.stderr
        return
    assert done.returncode == 0, done.stdout + done.stderr
    assert sum(tree.report().values()) == 1
    assert "no work to do" in (tree.ninja("test", check=0), tree.ninja("test", check=0))[1].stdout
    path.write_text(FAILS)
    tree.ninja("test", check=1)


def test_line_break_in_a_name_is_one_clear_error(tree):
    tree.write({"tests/test_a.py": PASSES, "tests/test_\n.py": PASSES})
    done = tree.testfan("test")
    assert done.returncode == 1
    assert done.stderr.count("[bad-name]") == 1


def set_immutable(path, on):
    """What `chattr +i` does, from linux/fs.h: FS_IOC_GETFLAGS, FS_IOC_SETFLAGS, FS_IMMUTABLE_FL."""
    with open(path, "rb") as file:
        (flags,) = struct.unpack("l", fcntl.ioctl(file, 0x80086601, struct.pack("l", 0)))
        fcntl.ioctl(file, 0x40086602, struct.pack("l", flags | 0x10 if on else flags & ~0x10))


@pytest.fixture
def frozen(tree):
    """A settled tree whose build.ninja nobody can replace: root by the file's attribute, others by the folder's mode."""
    settle(basic(tree))
    build = tree.path / "build.ninja"
    root = os.geteuid() == 0
    try:
        set_immutable(build, True) if root else tree.path.chmod(0o555)
    except OSError as error:
        pytest.skip(f"this file system has no immutable files: {error}")
    yield tree
    set_immutable(build, False) if root else tree.path.chmod(0o755)


def test_what_cannot_be_written_stays_whole(frozen):
    before = (frozen.path / "build.ninja").read_bytes()
    (frozen.path / "tests/test_new.py").write_text(PASSES)
    for command in ("gen", "test"):
        done = frozen.testfan(command)
        assert done.returncode not in (0, 1)
        assert "build.ninja" in done.stderr and "[io]" in done.stderr
    assert (frozen.path / "build.ninja").read_bytes() == before
    assert not list((frozen.path / ".testfan/tmp").glob("build.ninja*"))


def test_facts_are_parsed_once(tree):
    basic(tree).testfan("gen", check=0)
    time.sleep(0.1)
    tree.testfan("gen", check=0)
    stats = tree.testfan("gen", "--stats", check=0).stderr.splitlines()
    assert "parsed 0" in stats and "reused 6" in stats
    (tree.path / "pkg/b.py").write_text("VALUE = 1  # edited\n")
    stats = tree.testfan("gen", "--stats", check=0).stderr.splitlines()
    assert "parsed 1" in stats and "reused 5" in stats


def test_damaged_facts_are_parsed_again(tree):
    basic(tree).testfan("gen", check=0)
    cache = tree.path / ".testfan/cache/facts"
    data = bytearray(cache.read_bytes())
    for at in range(0, len(data), 97):
        broken = bytearray(data)
        broken[at] ^= 0x55
        cache.write_bytes(broken)
        assert tree.testfan("deps", "tests/test_a.py", check=0).stdout.split() == [
            "pkg/__init__.py", "pkg/a.py", "pkg/b.py", "pyproject.toml",
        ]


def test_random_names(tree):
    """Seeded names out of what the shell, ninja, make and pytest give a meaning to."""
    import random

    letters = "ab -_$:'\"#|&;<>()[]{}*?!~%^=+,@`\\é\t"
    chance = random.Random(5)
    names = {f"d{''.join(chance.choices(letters, k=chance.randint(1, 9)))}x" for _ in range(12)}
    names = {n for n in names if "::" not in n and "[" not in n}
    tree.write({f"{name}/test_{name}.py": PASSES for name in names})
    tree.testfan("test", check=0)
    assert sum(tree.report().values()) == len(names) > 8
    assert "no work to do" in (tree.ninja("test", check=0), tree.ninja("test", check=0))[1].stdout


def test_a_folder_moved_into_the_place_of_another(tree):
    basic(tree).write({"pkg-new/__init__.py": "", "pkg-new/a.py": "VALUE = 22\n", "pkg-new/c.py": "VALUE = 1\n"})
    settle(tree)
    (tree.path / "pkg").rename(tree.path / "pkg-old")
    (tree.path / "pkg-new").rename(tree.path / "pkg")
    tree.ninja("test", check=1)


def test_arguments_in_the_environment_make_no_lasting_pass(tree):
    tree.write({"test_x.py": "def test_a():\n    pass\n\ndef test_b():\n    assert 0\n"}).testfan("gen", check=0)
    tree.ninja("test", PYTEST_ADDOPTS="-k test_a")
    tree.testfan("test", check=1)
    assert sum(tree.report().values()) == 2


def test_maxfail_is_for_one_run(tree):
    tree.write({"test_x.py": "def test_a():\n    assert 0\n\ndef test_b():\n    assert 0\n"})
    tree.testfan("test", "--maxfail=1", check=1)
    assert sum(tree.report().values()) == 1
    tree.ninja("test", check=1)
    assert sum(tree.report().values()) == 2
