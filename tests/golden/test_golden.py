"""Golden cases: an input tree, what is run in it, and what must come of it, byte for byte.

A case is a folder beside this file:

    case.toml   why = "the rule, and what breaks without it"
                run = ["deps", "tests/test_a.py"]     words for testfan; or [[step]] tables, each with run or shell
                                                      (where $TESTFAN and $PYTHON are what they say)
                exit = 0
                stdout_has, stdout_lacks, stderr_has  texts; with any_stdout or any_stderr in place of the whole
                [tree]                                files that a folder cannot hold well: "odd\\tname" = "text",
                                                      "link" = {link = "target"}; \\udcXX is the byte XX
    in/         the tree (copied before the run)
    stdout      what must be printed there and to standard error, of all steps; {tree} stands for the tree's
    stderr      path. A missing file means that nothing may be printed
    out/        files that must be there afterwards

`make golden-update` writes stdout, stderr and the files of out/ anew; look at the difference before you commit it.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tomllib

import pytest

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("TESTFAN_BUILD", HERE.parents[1] / "build"))
CASES = sorted(p.parent.name for p in HERE.glob("*/case.toml"))
UPDATE = "GOLDEN_UPDATE" in os.environ


def make_tree(case, spec, tree):
    if (case / "in").is_dir():
        shutil.copytree(case / "in", tree, symlinks=True)
    tree.mkdir(exist_ok=True)
    for name, content in spec.get("tree", {}).items():
        path = tree / name.replace("\\udcff", "\udcff")
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, dict):
            path.symlink_to(content["link"])
        else:
            path.write_text(content)


def run_steps(spec, tree):
    env = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "LC_ALL": "C.UTF-8", "NO_COLOR": "1", "COLUMNS": "80"}
    env.update(TESTFAN=str(BUILD / "testfan"), PYTHON=sys.executable)
    out = err = b""
    codes = []
    for step in spec.get("step", [spec]):
        if "shell" in step:
            words = ["sh", "-c", step["shell"]]
        else:
            python = [] if any(w.startswith("--python") for w in step["run"]) else ["--python", sys.executable]
            words = [str(BUILD / "testfan"), *step["run"][:1], *(python if step["run"][0][0] != "-" else []), *step["run"][1:]]
        done = subprocess.run(words, cwd=tree, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
        out += done.stdout
        err += done.stderr
        codes.append(done.returncode)
    wanted = [step.get("exit", 0) for step in spec.get("step", [spec])]
    return codes, wanted, out, err


def compare(path, seen):
    if UPDATE:
        if seen:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(seen)
        elif path.exists():
            path.unlink()
        return
    wanted = path.read_bytes() if path.exists() else b""
    assert seen.decode(errors="backslashreplace") == wanted.decode(errors="backslashreplace"), path.name


@pytest.mark.parametrize("name", CASES)
def test_golden(name, tmp_path):
    case = HERE / name
    spec = tomllib.loads((case / "case.toml").read_text())
    assert spec["why"]
    tree = tmp_path / "tree"
    make_tree(case, spec, tree)
    codes, wanted, out, err = run_steps(spec, tree)
    assert codes == wanted, (out + err).decode(errors="replace")
    place = os.fsencode(str(tree.resolve()))
    if not spec.get("any_stdout"):
        compare(case / "stdout", out.replace(place, b"{tree}"))
    if not spec.get("any_stderr"):
        compare(case / "stderr", err.replace(place, b"{tree}"))
    for text in spec.get("stderr_has", []):
        assert text in err.decode(errors="replace")
    for text in spec.get("stdout_has", []):
        assert text in out.decode(errors="replace")
    for text in spec.get("stdout_lacks", []):
        assert text not in out.decode(errors="replace")
    for path in sorted(p for p in (case / "out").rglob("*") if p.is_file()):
        compare(path, (tree / path.relative_to(case / "out")).read_bytes())
