"""What ninja remembers in .testfan is cut, emptied or overwritten: no test stays away that would have failed."""
import signal

import pytest

READS = "import pathlib\ndef test_it():\n    assert (pathlib.Path(__file__).parent / ('da' + 'ta.txt')).read_text() == 'good'\n"
FILES = {"test_reads.py": READS, "test_imports.py": "import helper\ndef test_it():\n    assert helper.GOOD\n", "test_a.py": "def test_it():\n    pass\n"}
GOOD, BAD = {"data.txt": "good", "helper.py": "GOOD = True\n"}, {"data.txt": "worse", "helper.py": "GOOD = False\n"}
DAMAGES = {
    "cut in the middle": lambda was: was[: len(was) // 2],
    "cut in the last record": lambda was: was[:-5],
    "emptied": lambda was: b"",
    "gone": lambda was: None,
    "rubbish": lambda was: bytes(range(256)) * 40,
    "rubbish at its end": lambda was: was + bytes(range(256)) * 40,
    "in two halves of which one is zeros": lambda was: was[: len(was) // 2] + bytes(len(was) - len(was) // 2),
}


def damage(tree, name, how):
    path = tree.path / ".testfan" / name
    left = DAMAGES[how](path.read_bytes())
    path.unlink() if left is None else path.write_bytes(left)


def outcomes(tree):
    """Those of test_a.py, test_imports.py and test_reads.py."""
    return [outcome for _, _, outcome in sorted(tree.report().elements())]


@pytest.mark.parametrize("command", ["testfan", "ninja"])
@pytest.mark.parametrize("how", DAMAGES)
def test_logs_of_ninja_that_are_damaged(tree, how, command):
    tree.write({**FILES, **GOOD})
    run = {"testfan": lambda **kw: tree.testfan("test", **kw), "ninja": lambda **kw: tree.ninja("test", **kw)}[command]
    tree.testfan("test", check=0)
    for name in ".ninja_log", ".ninja_deps":
        for content, code in (BAD, 1), (GOOD, 0):
            damage(tree, name, how)
            tree.write(content)
            run(check=code)
            assert outcomes(tree) == ["passed"] + 2 * ["failure" if code else "passed"]


def test_a_ninja_that_crashes_on_its_log_is_run_once_more(tree):
    """Which it does on a number of a file that there is not."""
    tree.write({**FILES, **GOOD}).testfan("test", check=0)
    path = tree.path / ".testfan/.ninja_deps"
    bad = path.read_bytes() + b"\x10\0\0\x80" + b"\0\0\0\0" + bytes(8) + b"\xff\xff\xff\x7f"
    for content, code in (BAD, 1), (GOOD, 0):
        path.write_bytes(bad)
        tree.write(content)
        crashed = tree.ninja("test").returncode == -signal.SIGSEGV  # newer ones do not
        done = tree.testfan("test", check=code)
        assert done.stderr.count("ninja was killed by SIGSEGV; once more without .testfan/.ninja_deps\n") == crashed
        assert outcomes(tree) == ["passed"] + 2 * ["failure" if code else "passed"]


def test_a_ninja_that_always_crashes(tree):
    tree.write(FILES).write(GOOD).write({"crashing": "#!/bin/sh\nkill -SEGV $$\n"}).testfan("test", check=0)
    (tree.path / "crashing").chmod(0o755)
    done = tree.testfan("test", NINJA=str(tree.path / "crashing"), check=3, timeout=20)
    assert "ninja was killed by SIGSEGV" in done.stderr and "interrupted" not in done.stderr
