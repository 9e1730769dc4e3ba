"""A suite whose session fixture is dear, from nothing: testfan, which shares by itself, against the better of pytest and pytest -n2.

    python tests/bench/session_bench.py [--runs 5] [--files 12] [--setup 0.5] [--seed 1]

Each file asks for a fixture of the session that takes --setup seconds, asleep (a server that starts) or at work (a database that is
filled), and has tests of 50 to 250 ms. The programs take turns; the figures are medians of wall time. "Nothing" has no server, no
.testfan and no build.ninja; "file" is testfan with a process for each file, to see what sharing saves; "again" is a second run of
everything. Exits 1 when testfan loses.
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
sys.path.insert(0, str(ROOT / "tests/e2e"))
import conftest  # noqa: E402

CONFTEST = """
import pytest, time

def work(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        sum(range(1000))

@pytest.fixture(scope="session")
def database():
    %s(%r)
    yield {}
"""


def make(folder, args, kind):
    rng = random.Random(args.seed)
    tree = conftest.Tree(folder)
    tree.write({"conftest.py": CONFTEST % (kind, args.setup), "pytest.ini": "[pytest]\n"})
    for i in range(args.files):
        tests = "".join(f"def test_{j}(database): work({rng.uniform(0.05, 0.25) / 4:.3f})\n\n" for j in range(4))
        tree.write({f"tests/test_{i}.py": "from conftest import work\n\n" + tests})
    return tree


def forget(tree):
    conftest.end_servers(tree.path)
    shutil.rmtree(tree.path / ".testfan", ignore_errors=True)
    (tree.path / "build.ninja").unlink(missing_ok=True)


def measure(tree, column):
    pytest = [tree.python, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    testfan = [conftest.BUILD / "testfan", "test", "--python", tree.python, "--ignore", "order-dependent"]
    words = {"plain": pytest, "n2": [*pytest, "-n2"], "file": [*testfan, "--isolation", "file"]}.get(column, testfan)
    if column in ("nothing", "file"):
        forget(tree)
    if column == "again":
        shutil.rmtree(tree.path / ".testfan/results", ignore_errors=True)
    started = time.perf_counter()
    done = subprocess.run([str(w) for w in words], cwd=tree.path, env=tree.env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    wall = time.perf_counter() - started
    assert done.returncode == 0, done.stdout + done.stderr
    return wall


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--files", type=int, default=12)
    parser.add_argument("--setup", type=float, default=0.5)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    columns = ("plain", "n2", "file", "nothing", "again")
    print(f"{args.files} files, set-up {args.setup:g} s, seed {args.seed}, {os.cpu_count()} cores")
    print("set-up   plain    -n2 | file  nothing  ratio | again  ratio", flush=True)
    least = 9.0
    for kind in "time.sleep", "work":
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            tree = make(pathlib.Path(folder), args, kind)
            times = {column: [] for column in columns}
            for _ in range(args.runs):
                for column in columns:
                    times[column].append(measure(tree, column))
            forget(tree)
        wall = {column: statistics.median(values) for column, values in times.items()}
        peer = min(wall["plain"], wall["n2"])
        name = "asleep" if "sleep" in kind else "at work"
        print(
            f"{name:8} {wall['plain']:5.2f}  {wall['n2']:5.2f} | {wall['file']:4.2f}    {wall['nothing']:5.2f}  {peer / wall['nothing']:5.2f} | "
            f"{wall['again']:5.2f}  {peer / wall['again']:5.2f}",
            flush=True,
        )
        least = min(least, peer / wall["nothing"])
    print(f"least {least:.2f} (goal 1.00)")
    sys.exit(least < 1)


main()
