"""What a run shows while it runs: one live line on a terminal, plain lines elsewhere, output as it comes, failures at once."""
import fcntl
import os
import pathlib
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import conftest
import pytest

WAIT = """
import os, time

def test_{name}():
    print("{name} begins", flush=True)
    open({told!r} + "/{name}", "w").close()
    while not os.path.exists({told!r} + "/go"):
        time.sleep(0.02)
    print("{name} ends", flush=True)
    {last}
"""


class Terminal:
    """testfan on a terminal of its own."""

    def __init__(self, tree, *words, columns=80, **env):
        self.master, slave = pty.openpty()
        self.resize(columns)
        env = {k: v for k, v in {**tree.env, "TERM": "xterm", **env}.items() if k not in ("NO_COLOR", "COLUMNS") or k in env}
        self.process = subprocess.Popen(
            [conftest.BUILD / "testfan", "test", "--python", tree.python, *words],
            cwd=tree.path, env=env, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        )
        os.close(slave)
        self.seen = b""

    def resize(self, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def read(self, seconds):
        """False at the end."""
        if select.select([self.master], [], [], seconds)[0]:
            try:
                part = os.read(self.master, 65536)
            except OSError:
                part = b""
            self.seen += part
            return part != b""
        return True

    def wait_for(self, text, since=0):
        end = time.monotonic() + 60
        while text not in self.seen[since:]:
            assert self.read(1) and time.monotonic() < end, self.seen.decode(errors="replace")
        return len(self.seen)

    def end(self, status):
        while self.read(60):
            pass
        os.close(self.master)
        assert self.process.wait(60) == status or status is None, self.seen.decode(errors="replace")
        return self.seen

    def live(self, since=0):
        """The live lines, in their order, without colour."""
        lines = re.findall(rb"\r([^\r\n]*?)\x1b\[K", self.seen[since:])
        return [re.sub(r"\x1b\[[0-9;]*m", "", line.decode()) for line in lines if line]

    def shown(self):
        """What stands on the terminal at the end."""
        lines = [""]
        for part in re.findall(r"\r\n|\r|\x1b\[K|\x1b\[[0-9;]*m|[^\r\x1b]+", self.seen.decode()):
            if part == "\r\n":
                lines.append("")
            elif part == "\r":
                column = 0
            elif part == "\x1b[K":
                lines[-1] = lines[-1][:column]
            elif part[0] != "\x1b":
                at = column if len(lines[-1]) and column < len(lines[-1]) else len(lines[-1])
                lines[-1] = lines[-1][:at] + part + lines[-1][at + len(part) :]
            column = len(lines[-1]) if part != "\r" else 0
        return lines


@pytest.fixture
def told(tmp_path):
    (tmp_path / "told").mkdir()
    return tmp_path / "told"


def waiting(told, *names, last="pass"):
    return {f"tests/test_{name}.py": WAIT.format(name=name, told=str(told), last=last) for name in names}


def go(told, names=()):
    end = time.monotonic() + 60
    while not all((told / name).exists() for name in names):
        assert time.monotonic() < end
        time.sleep(0.02)
    (told / "go").touch()


def test_live_line(tree, told):
    tree.write(waiting(told, "a", "b"))
    tree.write({f"tests/test_{i}.py": "def test_a():\n    pass\n" for i in range(3)})
    tree.write({".testfan/times.json": '{"version": 1, "targets": {"tests/test_a.py": 200, "tests/test_b.py": 100}}'})
    terminal = Terminal(tree, "-j2", columns=100)
    terminal.wait_for(b"running tests/test_")
    go(told, "ab")
    terminal.end(0)
    lines = terminal.live()
    assert any("tests/test_a.py" in line for line in lines) and any("tests/test_b.py" in line for line in lines)
    assert any(re.match(r"\[[1-4]/5\] .* left: ", line) for line in lines)
    assert [line for line in terminal.shown() if line] == [terminal.shown()[-2]]
    assert "5 passed" in terminal.shown()[-2]


def test_live_line_counts_what_failed(tree, told):
    tree.write(waiting(told, "z"))
    tree.write({"tests/test_a.py": "def test_a():\n    assert 0\n"}).starts("tests/test_a.py", "tests/test_z.py")
    terminal = Terminal(tree, "-j1")
    terminal.wait_for(b"[1/2] \x1b[31m1 failed\x1b[0m")
    go(told, "z")
    seen = terminal.end(1)
    assert b"\x1b[31mFAILED tests/test_a.py\x1b[0m\r\n" in seen
    assert [line for line in terminal.shown() if "FAILED tests/test_a.py" in line][0] == "FAILED tests/test_a.py"


@pytest.mark.parametrize("columns", [12, 30, 60])
def test_live_line_fits_the_terminal(tree, told, columns):
    tree.write(waiting(told, "with_a_long_name", "with_another_long_name"))
    terminal = Terminal(tree, "-j2", columns=100)
    terminal.wait_for(b"test_with_another_long_name.py")
    assert max(map(len, terminal.live())) in range(columns, 100)
    terminal.resize(columns)
    before = len(terminal.live())
    while not any(len(line) < columns for line in terminal.live()[before:]):
        assert terminal.read(10)
    fitting = next(i for i, line in enumerate(terminal.live()) if i >= before and len(line) < columns)
    go(told)
    terminal.end(0)
    assert max(map(len, terminal.live()[fitting:])) < columns


def test_names_of_other_encodings(tree, told):
    tree.write(waiting(told, "a"))
    os.rename(tree.path / "tests/test_a.py", os.fsencode(tree.path) + b"/tests/test_\xff\xe6\xbc\xa2.py")
    terminal = Terminal(tree)
    terminal.wait_for("running tests/test_#xFF漢.py".encode())
    go(told)
    seen = terminal.end(1)  # pytest cannot write a report with such a name in it
    assert "FAILED tests/test_#xFF漢.py".encode() in seen and b"\xff" not in seen


def test_a_dumb_terminal_gets_plain_lines(tree):
    tree.write({f"test_{i}.py": "def test_a():\n    pass\n" for i in range(3)})
    seen = Terminal(tree, "-j1", TERM="dumb").end(0)
    assert b"\x1b" not in seen
    assert re.findall(rb"^\[\d/3\]", seen, re.M) == [b"[1/3]", b"[2/3]", b"[3/3]"]


def test_no_color(tree):
    tree.write({"test_a.py": "def test_a():\n    assert 0\n"})
    seen = Terminal(tree, NO_COLOR="1").end(1)
    assert b"\x1b[K" in seen
    assert not re.search(rb"\x1b\[[0-9;]*m", seen)


def test_plain_lines_elsewhere(tree):
    tree.write({"test_a.py": "def test_a():\n    pass\n", "test_b.py": "def test_b():\n    assert 0\n"})
    done = tree.starts("test_a.py", "test_b.py").testfan("test", "-j1", check=1)
    assert done.stderr == "[1/2] test_a.py\n[2/2] test_b.py\nFAILED test_b.py\n"
    assert tree.testfan("test", "-j1", check=1).stderr == "[1/1] test_b.py\nFAILED test_b.py\n"
    assert tree.testfan("test", "-j1", "-k", "test_a", check=0).stderr == "[1/1] test_a.py\n"
    assert tree.testfan("test", "-j1", "test_b.py", check=1).stderr == "[1/1] test_b.py\nFAILED test_b.py\n"


def stream(tree, *words):
    return subprocess.Popen(
        [conftest.BUILD / "testfan", "test", "--python", tree.python, *words],
        cwd=tree.path, env=tree.env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, bufsize=0,
    )


def read_until(process, text):
    seen, end = b"", time.monotonic() + 60
    while text not in seen:
        assert time.monotonic() < end and select.select([process.stderr], [], [], 60)[0], seen
        part = os.read(process.stderr.fileno(), 65536)
        assert part, seen
        seen += part
    return seen


@pytest.mark.parametrize("cold", [(), ("--no-workers",)])
def test_verbose_streams(tree, told, cold):
    """What one target prints is shown while it runs; that of another, which runs at the same time, stands behind it in one piece."""
    tree.write(waiting(told, "a", "b"))
    process = stream(tree, "-v", "-j2", *cold, "--", "-s")
    seen = read_until(process, b"begins\n")
    first = re.search(rb"--- tests/test_([ab]).py\n", seen).group(1).decode()
    assert f"{first} begins" in seen.decode()
    go(told, "ab")
    seen = (seen + process.stderr.read()).decode()
    assert process.wait() == 0
    second = "ab".replace(first, "")
    texts = re.findall(r"--- (\S+)|([ab]) (begins|ends)\n", seen)
    assert [t[0] or f"{t[1]} {t[2]}" for t in texts] == [
        f"tests/test_{first}.py", f"{first} begins", f"{first} ends", f"tests/test_{second}.py", f"{second} begins", f"{second} ends",
    ]


def test_verbose_on_a_terminal_keeps_the_live_line(tree, told):
    tree.write(waiting(told, "a"))
    terminal = Terminal(tree, "-v", "--", "-s")
    terminal.wait_for(b"a begins")
    terminal.wait_for(b"running tests/test_a.py")
    go(told)
    terminal.end(0)
    shown = terminal.shown()
    assert "--- tests/test_a.py" in shown and "a ends" in shown
    assert not any("running" in line for line in shown)


def test_verbose_shows_all_of_much(tree):
    """More than a target's report would hold, and the last line has no end."""
    tree.write({"test_a.py": "import sys\n\ndef test_a():\n    for i in range(100000):\n        print(f'line {i}')\n    sys.stdout.write('the end')\n"})
    process = stream(tree, "-v", "--", "-s")
    seen = process.stderr.read().decode()
    assert process.wait() == 0
    assert re.findall(r"^(?:\S*test_a.py )?line (\d+)$", seen, re.M) == [str(i) for i in range(100000)]
    assert "the end" in seen


def test_live_failures(tree, told):
    """The text of a failure is there while others still run, and does not come again."""
    tree.write(waiting(told, "z", last="assert 'z' == 'y'"))
    tree.write({"tests/test_a.py": "def test_a():\n    assert 'early' == 'late'\n"})
    process = subprocess.Popen(
        [conftest.BUILD / "testfan", "test", "--python", tree.python, "--live", "-j2"],
        cwd=tree.path, env=tree.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0,
    )
    seen, end = b"", time.monotonic() + 60
    while b"E       AssertionError: assert 'early' == 'late'" not in seen:
        assert time.monotonic() < end
        seen += os.read(process.stdout.fileno(), 65536)
    go(told, "z")
    seen = (seen + process.stdout.read()).decode()
    assert process.wait() == 1
    assert seen.count("E       AssertionError: assert 'early' == 'late'") == 1
    assert seen.count("E       AssertionError: assert 'z' == 'y'") == 1
    assert "short test summary info" in seen and "2 failed" in seen


def test_live_failures_of_shards(tree):
    """Each shard shows its own, once."""
    body = "import time\n\n" + "".join(f"def test_{i}():\n    time.sleep(0.1)\n    assert {i} != {i}\n\n" for i in range(4))
    times = '{"version": 1, "targets": {"test_a.py": {"seconds": 8, "groups": {"test_0": 2, "test_1": 2, "test_2": 2, "test_3": 2}}}}'
    tree.write({"test_a.py": body, "testfan.times.json": times})
    done = tree.testfan("test", "--live", check=1)
    assert [done.stdout.count(f"E       assert {i} != {i}") for i in range(4)] == [1, 1, 1, 1]


def exec_of(tree, file):
    """The pid of what runs a file."""
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            if words[1:3] == [b"exec", b"run"] and file in words and os.readlink(process / "cwd") == str(tree.path):
                return int(process.name)
        except OSError:
            pass  # it has ended meanwhile
    raise AssertionError(f"nothing runs {file}")


def test_a_target_that_is_killed_leaves_the_line(tree, told):
    tree.write(waiting(told, "a", "b"))
    terminal = Terminal(tree, "-j2")
    terminal.wait_for(b"test_b.py")
    os.kill(exec_of(tree, b"tests/test_a.py"), signal.SIGKILL)
    terminal.wait_for(b"FAILED: ")
    since = terminal.wait_for(b"tests/test_b.py", len(terminal.seen))
    go(told)
    terminal.end(None)
    assert not any("test_a.py" in line for line in terminal.live(since))


def test_jobs_and_load_are_ninjas(tree, tmp_path):
    tree.write({"test_a.py": "def test_a():\n    pass\n"})
    ninja = tmp_path / "ninja"
    ninja.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/words\nexec {tree.ninja_program} "$@"\n')
    ninja.chmod(0o755)
    tree.testfan("test", "-j", "3", "--load", "7", NINJA=str(ninja), check=0)
    assert "-j 3 -l 7" in (tmp_path / "words").read_text()
    tree.testfan("test", NINJA=str(ninja), check=0)
    assert "-j" not in (tmp_path / "words").read_text() and "-l" not in (tmp_path / "words").read_text()


@pytest.mark.parametrize("cold", [(), ("--no-workers",)])
def test_files_of_a_group_are_told_one_by_one(tree, told, cold):
    files = waiting(told, "a", "b")
    tree.write({name: "# testfan: together=both\n" + text for name, text in files.items()})
    tree.write({"tests/test_a.py": "# testfan: together=both\ndef test_a():\n    print('a was here')\n"})
    terminal = Terminal(tree, "-v", *cold, "--", "-s")
    terminal.wait_for(b"running tests/test_b.py")
    go(told, "b")
    terminal.end(0)
    shown = terminal.shown()
    assert shown.index("--- tests/test_a.py") < shown.index("--- tests/test_b.py")
    texts = "\n".join(shown).split("--- tests/test_b.py")
    assert "a was here" in texts[0] and "b begins" in texts[1] and "b ends" in texts[1]


def test_elsewhere_it_is_said_what_runs_on_in_silence(tree):
    """A suite that hangs says at what, in the log of a CI run too; each time after twice as long."""
    tree.write({"test_a.py": "import time\ndef test_a(): time.sleep(3)\n", "test_b.py": "def test_b(): pass\n"})
    said = tree.testfan("test", check=0, TESTFAN_SILENCE="0.4").stderr
    assert 1 <= said.count("still running: test_a.py\n") <= 4
    assert said.count("# testfan: serial") == 1
