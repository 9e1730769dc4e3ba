"""BUILD files before and after `testfan gen --engine bazel`.

A case is a folder in build/:

    case.toml   why = "the rule, and what breaks without it"
                file = "pkg/BUILD.bazel"        where BUILD.in stands and what BUILD.out is compared with
                exit, stderr_has, mode          of gen, and of the file
                formatted = false               BUILD.in is not as buildifier would have it
                [tree]                          files beside those of TREE; "-" takes one away
    BUILD.in    missing: there is no such file before
    BUILD.out   missing: there is none afterwards

In every case a second run changes nothing, `--check` agrees, and buildifier, where it is to be had, finds nothing to change.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tomllib

import pytest

HERE = pathlib.Path(__file__).resolve().parent
TESTFAN = pathlib.Path(os.environ.get("TESTFAN_BUILD", HERE.parents[1] / "build")) / "testfan"
BUILDIFIER = os.environ.get("BUILDIFIER") or shutil.which("buildifier")
CASES = sorted(p.parent.name for p in HERE.glob("build/*/case.toml"))
TREE = {
    "pyproject.toml": "[tool.pytest.ini_options]\n",
    "pkg/__init__.py": "",
    "pkg/currency.py": "",
    "pkg/money.py": "from pkg import currency\n",
    "pkg/test_money.py": "from pkg import money\n\n\ndef test():\n    assert money\n",
}


def gen(tree, *words):
    command = [TESTFAN, "gen", "--engine", "bazel", "--python", sys.executable, *words]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, timeout=120)


def contents(tree):
    return {str(p.relative_to(tree)): p.read_bytes() for p in sorted(tree.rglob("BUILD*")) if p.is_file()}


@pytest.mark.parametrize("name", CASES)
def test_build_file(name, tmp_path):
    case = HERE / "build" / name
    spec = tomllib.loads((case / "case.toml").read_text())
    assert spec["why"]
    for path, text in {**TREE, **spec.get("tree", {})}.items():
        if text != "-":
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
    file = tmp_path / spec.get("file", "pkg/BUILD.bazel")
    given = case / "BUILD.in"
    if given.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(given, file)
        file.chmod(spec.get("mode", 0o644))
    subprocess.run([TESTFAN, "init", "--engine", "bazel"], cwd=tmp_path, check=True, capture_output=True, timeout=60)
    stale = gen(tmp_path, "--check").returncode
    done = gen(tmp_path)
    assert done.returncode == spec.get("exit", 0), done.stderr
    for text in spec.get("stderr_has", []):
        assert text in done.stderr
    if not spec.get("stderr_has"):
        assert "BUILD" not in done.stderr
    wanted = case / "BUILD.out"
    if "GOLDEN_UPDATE" in os.environ:
        wanted.unlink(missing_ok=True)
        if file.exists():
            shutil.copyfile(file, wanted)
            wanted.chmod(0o644)
    assert file.exists() == wanted.exists()
    if wanted.exists():
        assert file.read_text() == wanted.read_text()
    after = contents(tmp_path)
    assert gen(tmp_path).returncode == done.returncode
    assert contents(tmp_path) == after
    assert gen(tmp_path, "--check").returncode == done.returncode
    assert stale == 1
    if BUILDIFIER and spec.get("formatted", True):
        files = [tmp_path / path for path in after]
        checked = subprocess.run([BUILDIFIER, "-mode=check", *files], capture_output=True, text=True, timeout=60)
        assert checked.returncode == 0, checked.stdout + checked.stderr
