"""A workspace that people work in: what they wrote stays theirs, the commands of docs/bazel.md do what it says, and the oldest Bazel runs it."""
import difflib
import os
import pathlib
import re
import shutil
import subprocess

import pytest

import conftest
from test_remote import farm  # noqa: F401

ROOT = conftest.e2e.ROOT
BUILDIFIER = os.environ.get("BUILDIFIER") or shutil.which("buildifier") or str(ROOT / ".deps/go/bin/buildifier")
OLDEST = ROOT / ".deps/bazel-2.1.0/bazel"

FILES = {
    "pyproject.toml": "[tool.pytest.ini_options]\ntestpaths = ['app', 'lib']\n",
    "app/__init__.py": "",
    "app/money.py": "from app import currency\n",
    "app/currency.py": "RATE = 2\n",
    "app/by_hand.py": "X = 1\n",
    "app/test_money.py": "from app import money\n\n\ndef test_money():\n    assert money\n",
    "app/test_by_hand.py": "from app import by_hand\n\n\ndef test_by_hand():\n    assert by_hand.X == 1\n",
    "app/tool.sh": "#!/bin/sh\nexit 0\n",
    "app/BUILD.bazel": '''# The team's own words.
load("//tools/testfan:pytest.bzl", "py_files")

package(default_visibility = ["//visibility:public"])

filegroup(
    name = "tool",
    srcs = ["tool.sh"],  # another language
)

py_files(
    name = "mine",
    srcs = ["by_hand.py"],
    deps = [":__init__"],  # keep
)

genrule(
    name = "made",
    outs = ["made.txt"],
    cmd = "echo made > $@",
)
''',
    "lib/__init__.py": "",
    "lib/test_lib.py": "def test_lib():\n    pass\n",
}


def builds(w):
    return {p.relative_to(w.path): p.read_text() for p in sorted(w.path.rglob("BUILD.bazel")) if not p.is_symlink()}


def is_formatted(w):
    done = subprocess.run([BUILDIFIER, "-mode=check", *(w.path / p for p in builds(w))], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def foreign(text):
    """A BUILD file without the rules that testfan made and the names that it loads."""
    calls = re.split(r"\n\n", text)
    return [c.strip("\n") for c in calls if '"testfan"' not in c and "load(" not in c and "# testfan" not in c]


def changed(before, after):
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    return [line for line in lines if line[0] in "+-" and not line.startswith(("+++", "---"))]


def test_what_people_wrote_stays(workspace):
    w = workspace(FILES)
    w.bazel("test", "//...", check=0)
    assert w.merged(check=0) == w.plain()
    first = builds(w)
    given = foreign(FILES["app/BUILD.bazel"])
    assert [c for c in foreign(first[pathlib.Path("app/BUILD.bazel")]) if c in given] == given
    is_formatted(w)

    build = w.path / "app/BUILD.bazel"
    build.write_text(build.read_text().replace('    name = "test_money",\n', '    name = "test_money",\n    size = "small",\n').replace('":money",\n', '":money",\n        "//lib:__init__",  # keep\n') + "\n# The last word.\n")
    w.write({"app/currency.py": "from lib import rates\nRATE = rates.RATE\n", "lib/rates.py": "RATE = 3\n"})
    edited = build.read_text()
    w.gen()
    assert w.gen("--check").stdout == ""
    assert foreign(build.read_text()) == foreign(edited)
    assert changed(edited, build.read_text()) and 'size = "small"' in build.read_text() and "# keep" in build.read_text()
    is_formatted(w)
    w.bazel("test", "//...", check=0)
    assert w.merged(check=0) == w.plain()

    before = builds(w)
    for name in ("app/test_money.py", "app/money.py", "lib/test_lib.py"):
        (w.path / name).unlink()
    w.gen()
    after = builds(w)
    assert foreign(after[pathlib.Path("app/BUILD.bazel")]) == foreign(before[pathlib.Path("app/BUILD.bazel")])
    assert '"test_money"' not in after[pathlib.Path("app/BUILD.bazel")] and '"mine"' in after[pathlib.Path("app/BUILD.bazel")]
    is_formatted(w)
    w.bazel("test", "//...", check=0)
    assert w.merged(check=0) == w.plain()


def commands(text):
    """The lines of docs/bazel.md that are commands."""
    return [line.strip() for line in text.splitlines() if re.match(r"    (testfan|bazel) ", line)]


def test_every_command_of_the_manual(tmp_path, farm):  # noqa: F811
    path = tmp_path / "tree"
    path.mkdir()
    w = conftest.Workspace(path).write({"pytest.ini": "[pytest]\n", "mod.py": "X = 1\n", "test_a.py": "import mod\n\n\ndef test():\n    assert mod.X\n"})
    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "first"], ["branch", "-q", "base"]):
        w.run("git", *words, check=0)
    w.init()
    rc = w.path / ".bazelrc"
    rc.write_text("".join(line for line in rc.read_text().splitlines(True) if "disk_cache" not in line))
    (w.path / "mod.py").write_text("X = 2\n")
    url = farm(ROOT / ".deps")
    places = {"grpc://HOST:PORT": url, "DIR": str(tmp_path / "cache"), "origin/main": "base"}
    told = commands((ROOT / "docs/bazel.md").read_text())
    assert len(told) >= 9
    try:
        for command in told:
            for name, place in places.items():
                command = command.replace(name, place)
            program = f"{conftest.e2e.BUILD / 'testfan'} \\1 --python {w.python}"
            command = re.sub(r"^testfan (\w+)", program, command)
            command = re.sub(r"^bazel ", f"{conftest.BAZEL} --output_base={w.base} ", command)
            w.run("sh", "-c", command, check=0, timeout=580)
        assert (w.path / "affected").read_text() == "//:test_a\n"
        assert conftest.e2e.read_report(w.path / "report.xml") == {("test_a", "test", "passed"): 1}
    finally:
        w.close()


def test_the_oldest_bazel(workspace, monkeypatch):
    """2.1.0, which npm has, loads the rules: results, shards, filters and failures."""
    assert OLDEST.exists(), "make bazel fetches it"
    w = workspace({
        "pytest.ini": "[pytest]\n",
        "test_a.py": "import pytest\n\n\n@pytest.mark.parametrize('i', range(4))\ndef test_one(i):\n    pass\n\n\ndef test_bad():\n    assert 0\n",
        "test_b.py": "def test():\n    pass\n",
    })
    plain = w.plain()
    monkeypatch.setattr(conftest, "BAZEL", str(OLDEST))
    rc = w.path / ".bazelrc"
    rc.write_text("".join(line for line in rc.read_text().splitlines(True) if "incompatible_" not in line or "strict_action_env" in line))
    build = w.path / "BUILD.bazel"
    build.write_text(build.read_text().replace('    srcs = ["test_a.py"],\n', '    srcs = ["test_a.py"],\n    shard_count = 2,\n'))
    w.bazel("test", "//...", check=3)
    assert w.merged(check=1) == plain
    again = w.bazel("test", "//...", check=3)
    assert w.ran() == ["//:test_a"] or w.ran() == ["//:test_a"] * 2, again.stderr
    w.bazel("test", "//:test_a", "--test_filter=one", check=0)
    assert sum(w.merged(check=0).values()) == 4
