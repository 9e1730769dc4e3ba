"""Selecting before Python starts, side by side with the peers, the runs taking turns.

    .deps/venv-test/bin/python tests/bench/select_bench.py [--seed 1] [--runs 3]

1. `testfan test -k test_user` against `pytest -k test_user` and `pytest -n2 -k test_user`, on a made project of 100 files and 1,000 tests, each
   file importing a module that takes 50 ms; 5 files and 50 tests match.
2. `testfan select -k` on a made tree of 2,000 files, warm.
3. `testfan select --since HEAD` after an edit of one leaf file, against `ruff analyze graph` with a closure computed over it and against what
   pytest-testmon takes to select, on the same project (wtforms). The peers come into an environment of their own.
"""
import argparse
import json
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv

ROOT = pathlib.Path(__file__).resolve().parents[2]
TESTFAN = ROOT / "build" / "testfan"
LEAF = "src/wtforms/csrf/session.py"
PEERS = ["ruff==0.14.6", "pytest-testmon==2.2.0", "pytest==8.4.2", "email_validator", "babel"]


def timed(words, cwd, codes=(0,), env=None):
    start = time.perf_counter()
    done = subprocess.run([str(w) for w in words], cwd=cwd, env=env, capture_output=True, text=True)
    took = time.perf_counter() - start
    if done.returncode not in codes:
        sys.exit(f"{' '.join(map(str, words))} exits {done.returncode}\n{done.stdout}\n{done.stderr}")
    return took


def in_turns(runs, **work):
    """The median of each, run one after the other `runs` times."""
    took = {name: [] for name in work}
    for _ in range(runs):
        for name, run in work.items():
            took[name].append(run())
    return {name: statistics.median(times) for name, times in took.items()}


def make_suite(folder, seed, files=100, tests=10, matching=5):
    """Test files that import 50 ms of modules each; `matching` of them hold tests of users."""
    draw = random.Random(seed)
    loops = 1
    while timed_loop(loops) < 0.05:
        loops *= 2
    loops = int(loops * 0.05 / timed_loop(loops))
    users = set(draw.sample(range(files), matching))
    (folder / "pytest.ini").write_text("[pytest]\ntestpaths = tests\npythonpath = src\n")
    (folder / "src").mkdir()
    (folder / "tests").mkdir()
    for n in range(files):
        (folder / f"src/dear{n}.py").write_text(f"total = 0\nfor i in range({loops}):\n    total += i\n")
        subject = "user" if n in users else draw.choice(["order", "cart", "price", "stock"])
        bodies = "".join(f"\ndef test_{subject}_{i}():\n    assert dear{n}.total\n" for i in range(tests))
        (folder / f"tests/test_{n}.py").write_text(f"import dear{n}\n{bodies}")


def timed_loop(loops):
    start = time.perf_counter()
    exec(f"total = 0\nfor i in range({loops}):\n    total += i\n", {})
    return time.perf_counter() - start


def make_tree(folder, seed, files=2000):
    draw = random.Random(seed)
    words = [f"{a}_{b}" for a in ("read", "write", "parse", "merge", "split") for b in ("head", "tail", "block", "frame", "index", "total")]
    for n in range(files):
        path = folder / f"p{n % 40}" / (f"test_{n}.py" if n % 3 == 0 else f"mod_{n}.py")
        path.parent.mkdir(exist_ok=True)
        names = draw.sample(words, 8)
        kind = "test_" if n % 3 == 0 else ""
        path.write_text("import os\nimport pytest\n" + "".join(
            f"\n@pytest.mark.parametrize('x', [1, 'a', None])\ndef {kind}{w}(x):\n    value = os.sep\n    assert value\n" for w in names))  # fmt: skip


def bench_expression(work, options):
    make_suite(work, options.seed)
    python = sys.executable
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "TESTFAN_"))}

    def testfan():
        shutil.rmtree(work / ".testfan/runs", ignore_errors=True)
        return timed([TESTFAN, "test", "--python", python, "-k", "test_user"], work, env=environment)

    plain = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "test_user"]
    took = in_turns(
        options.runs,
        testfan=testfan,
        pytest=lambda: timed(plain, work, env=environment),
        xdist=lambda: timed([*plain, "-n2"], work, env=environment),
    )
    for peer, name in (("pytest", "pytest -k"), ("xdist", "pytest -n2 -k")):
        print(f"-k test_user, 5 of 100 files: {name} {took[peer]:.2f} s, testfan test -k {took['testfan']:.2f} s: {took[peer] / took['testfan']:.1f} times")


def bench_warm(work, options):
    make_tree(work, options.seed)
    words = [TESTFAN, "select", "--python", sys.executable, "-k", "read_head and not merge"]
    timed(words, work)
    took = in_turns(max(5, options.runs), testfan=lambda: timed(words, work))
    print(f"select -k on 2,000 files, warm: {took['testfan'] * 1000:.0f} ms")


def closure(graph, changed):
    """The files that reach a changed one."""
    users = {}
    for user, used in json.loads(graph).items():
        for name in used:
            users.setdefault(name, []).append(user)
    found, left = set(), [changed]
    while left:
        for user in users.get(left.pop(), []):
            if user not in found:
                found.add(user)
                left.append(user)
    return found


def ruff(binary, work, leaf):
    start = time.perf_counter()
    graph = subprocess.run([binary, "analyze", "graph", "--direction", "dependencies", "src", "tests"], cwd=work, capture_output=True, text=True, check=True)
    closure(graph.stdout, leaf)
    return time.perf_counter() - start


def bench_since(work, options):
    source = ROOT / ".deps/projects/wtforms"
    shutil.copytree(source, work / "tree", symlinks=True)
    tree, env = work / "tree", work / "venv"
    venv.create(env, with_pip=True)
    subprocess.run([env / "bin/python", "-m", "pip", "install", "-q", "--disable-pip-version-check", *PEERS, "-e", tree], check=True)
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org"]
    (tree / ".gitignore").write_text("__pycache__/\n.testmondata*\n*.egg-info/\n")
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "one"]):
        subprocess.run([*git, *words], cwd=tree, check=True, stdout=subprocess.DEVNULL)
    python = env / "bin/python"
    timed([python, "-m", "pytest", "-q", "--testmon"], tree, codes=(0, 5))
    with open(tree / LEAF, "a") as file:
        file.write("\n# a leaf that changed\n")
    ours = [TESTFAN, "select", "--python", python, "--since", "HEAD"]
    timed(ours, tree)
    collect = [python, "-m", "pytest", "-q", "--testmon", "--testmon-forceselect", "--collect-only", "-p", "no:cacheprovider"]
    took = in_turns(
        max(5, options.runs),
        testfan=lambda: timed(ours, tree),
        ruff=lambda: ruff(env / "bin/ruff", tree, LEAF),
        testmon=lambda: timed(collect, tree, codes=(0, 5)),
    )
    for peer, name in (("ruff", "ruff's graph and a closure"), ("testmon", "pytest-testmon")):
        print(f"select --since HEAD, one leaf changed: {name} {took[peer] * 1000:.0f} ms, testfan {took['testfan'] * 1000:.0f} ms: {took[peer] / took['testfan']:.1f} times")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    for bench in (bench_expression, bench_warm, bench_since):
        with tempfile.TemporaryDirectory(prefix="testfan-bench-") as scratch:
            bench(pathlib.Path(scratch), options)


if __name__ == "__main__":
    main()
