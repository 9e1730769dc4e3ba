"""The Bazel engine beside the Ninja engine on seeded trees, and how Bazel's own analysis grows with them.

    python tests/bench/bazel_bench.py [--files 1000,4000,10000] [--seed 1] [--no-analysis]

Half of the files are tests. Each tree is generated first from nothing and then again with nothing changed, by both engines in
turns; the figures are medians of wall time over 3 runs. Analysis is `bazel build --nobuild //...` by a server that has just
started. Exits 1 when `gen --engine bazel` takes more than 1.5 times `gen --engine ninja`.
"""
import argparse
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TESTFAN = pathlib.Path(os.environ.get("TESTFAN_BUILD", ROOT / "build")) / "testfan"
PYTHON = ROOT / ".deps/venv-test/bin/python"
FOLDER = 40  # files


def make_tree(path, files, seed):
    rng = random.Random(seed)
    modules = [f"pkg{i // FOLDER}/mod{i}.py" for i in range(files // 2)]
    for i, name in enumerate(modules):
        target = path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (target.parent / "__init__.py").touch()
        used = [modules[rng.randrange(max(0, i - 200), i)] for _ in range(3)] if i else []
        target.write_text("".join(f"import {u[:-3].replace('/', '.')}\n" for u in sorted(set(used))) + f"\n\ndef f{i}():\n    return {i}\n")
    for i in range(files - len(modules)):
        target = path / f"tests/t{i // FOLDER}/test_{i}.py"
        target.parent.mkdir(parents=True, exist_ok=True)
        used = rng.sample(modules, min(3, len(modules)))
        target.write_text("".join(f"import {u[:-3].replace('/', '.')}\n" for u in used) + f"\n\ndef test_{i}():\n    pass\n")
    (path / "pytest.ini").write_text("[pytest]\n")


def timed(words, cwd):
    started = time.perf_counter()
    done = subprocess.run([str(w) for w in words], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return time.perf_counter() - started


def gen(tree, engine):
    return timed([TESTFAN, "gen", "--engine", engine, "--python", PYTHON], tree)


def forget(tree):
    shutil.rmtree(tree / ".testfan", ignore_errors=True)
    for name in [tree / "build.ninja", tree / "BUILD.bazel", *tree.glob("pkg*/BUILD.bazel"), *tree.glob("tests/*/BUILD.bazel")]:
        name.unlink(missing_ok=True)


def analysis(tree, scratch):
    base = scratch / "base"
    bazel = [os.environ.get("BAZEL") or shutil.which("bazel"), f"--output_base={base}"]
    seconds = timed([*bazel, "build", "--nobuild", "//..."], tree)
    subprocess.run([*bazel, "shutdown"], cwd=tree, capture_output=True)
    subprocess.run(["chmod", "-R", "u+w", base], check=False)
    return seconds


def prepare(tree, scratch):
    timed([TESTFAN, "init", "--engine", "bazel", "--python", PYTHON], tree)
    stub = scratch / "stub"
    stub.mkdir()
    (stub / "WORKSPACE").touch()
    (stub / "BUILD").write_text('package(default_visibility = ["//visibility:public"])\nfilegroup(name = "coverage_report_generator")\n')
    with open(tree / ".bazelrc", "a") as file:
        file.write(f"common --override_repository=remote_coverage_tools={stub}\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", default="1000,4000,10000")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-analysis", action="store_true")
    given = parser.parse_args()
    missed = False
    print("| files | ninja, from nothing | Bazel | ratio | ninja, nothing changed | Bazel | ratio | Bazel's analysis | per file |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for files in map(int, given.files.split(",")):
        with tempfile.TemporaryDirectory(prefix="testfan-bazel-") as folder:
            scratch, tree = pathlib.Path(folder), pathlib.Path(folder) / "tree"
            tree.mkdir()
            make_tree(tree, files, given.seed)
            prepare(tree, scratch)
            new, warm = {"ninja": [], "bazel": []}, {"ninja": [], "bazel": []}
            for _ in range(3):
                for engine in new:
                    forget(tree)
                    new[engine].append(gen(tree, engine))
                    warm[engine].append(gen(tree, engine))
            stamps = {p: p.stat().st_mtime_ns for p in tree.rglob("BUILD.bazel")}
            gen(tree, "bazel")
            assert stamps == {p: p.stat().st_mtime_ns for p in tree.rglob("BUILD.bazel")}, "nothing changed, and something was written"
            n, w = ({k: statistics.median(v) for k, v in times.items()} for times in (new, warm))
            missed |= n["bazel"] > 1.5 * n["ninja"] or w["bazel"] > 1.5 * w["ninja"]
            seconds = None if given.no_analysis else analysis(tree, scratch)
            told = f"{seconds:.1f} s | {seconds / files * 1000:.2f} ms" if seconds else "- | -"
            print(
                f"| {files:,} | {n['ninja']:.2f} s | {n['bazel']:.2f} s | {n['bazel'] / n['ninja']:.2f} "
                f"| {w['ninja'] * 1000:.0f} ms | {w['bazel'] * 1000:.0f} ms | {w['bazel'] / w['ninja']:.2f} | {told} |",
                flush=True,
            )
    return missed


if __name__ == "__main__":
    sys.exit(main())
