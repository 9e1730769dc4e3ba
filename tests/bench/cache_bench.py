"""What a repeated run costs: with nothing changed, with the time stamps of all files changed, and in a fresh clone with a filled server.

    python tests/bench/cache_bench.py [--projects jinja2,mako] [--corpus FOLDER]

Each project is copied and put under git. Its interpreter notes every start, so that "no Python" is seen and not guessed. CPU time is
that of `testfan test` and all its processes, less what it takes with nothing changed, by target. The clone lies elsewhere, has
a virtual environment of its own, and asks a real nginx. What does not come from the cache there is listed with the reason. Exits 1
when a goal is missed: 100 ms with nothing changed on jinja2, 5 ms of CPU by target, no test file run in the clone that could be kept.
"""
import argparse
import os
import pathlib
import re
import resource
import shutil
import statistics
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))
import conftest  # noqa: E402
from test_remote_cache import nginx  # noqa: E402

NAMES = ("jinja2", "wtforms", "boltons", "mako", "flask", "toolz")
NOT_KEPT = re.compile(r"^(\S+) is not kept in the cache: (.*)$", re.M)
WRAPPER = '#!/bin/bash\nprintf "%s\\n" "$*" | head -1 >> "{log}"\nexec -a "$0" "{real}" "$@"\n'


class Copy:
    """A project at work whose interpreter notes what it is started with."""

    def __init__(self, source, venv):
        self.tree = conftest.Tree(source, venv / "bin/python")
        self.log = venv / "starts"
        python = venv / "bin/python"
        real = python.resolve()
        python.unlink()
        python.write_text(WRAPPER.format(log=self.log, real=real))
        python.chmod(0o755)

    def run(self, *words, **env):
        """How long it took, by the clock and in CPU time, what it said, and what Python was started for."""
        self.log.write_text("")
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = self.tree.testfan("test", *words, **env)
        wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
        assert done.returncode in (0, 1), done.stdout + done.stderr
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return wall, cpu, done.stdout + done.stderr, self.log.read_text().splitlines()


def git(tree, *words):
    tree.run("git", "-c", "user.name=x", "-c", "user.email=x@x", *words, check=0)


def prepare(name, folder):
    tree = conftest.copy_project(name, folder)
    git(tree, "init", "-q")
    git(tree, "add", "-A", "-f")  # what a build made before the tests, too: compiled catalogues, *.egg-info
    git(tree, "commit", "-qm", "all")
    return Copy(tree.path, pathlib.Path(tree.python).parents[1])


def touch(path):
    for file in path.rglob("*"):
        if file.is_file() and ".testfan" not in file.parts and ".git" not in file.parts:
            os.utime(file)


def measure(name, folder):
    copy = prepare(name, folder)
    with nginx(folder / "nginx", limit="100m") as url:
        _, _, said, _ = copy.run("-v", TESTFAN_REMOTE_CACHE=url, TESTFAN_REMOTE_CACHE_WRITE="1")
        not_kept = dict(NOT_KEPT.findall(said))
        failed = set(re.findall(r"^FAILED (\S+?)(?:::.*)?$", said, re.M))
        targets = len(list((copy.tree.path / ".testfan/results").rglob("*.xml")))
        copy.run()
        conftest.end_servers(folder)
        idle = [copy.run() for _ in range(9)]
        pythons = sum(len(starts) for *_, starts in idle)
        touched = []
        for _ in range(5):
            touch(copy.tree.path)
            touched.append(copy.run("--stats"))
        cached = min(int(re.search(r"^cached (\d+)$", said, re.M).group(1)) for _, _, said, _ in touched)
        idle_cpu = statistics.median(cpu for _, cpu, _, _ in idle)
        cpu = (statistics.median(cpu for _, cpu, _, _ in touched) - idle_cpu) / targets
        conftest.end_servers(folder)
        there = folder / "elsewhere"
        there.mkdir()
        git(copy.tree, "clone", "-q", copy.tree.path, there / name)
        conftest.clone_environment(name, there / name, there / "venv")
        clone = Copy(there / name, there / "venv")
        wall, _, said, starts = clone.run("--stats", TESTFAN_REMOTE_CACHE=url)
        ran = int(re.search(r"^ran (\d+)$", said, re.M).group(1))
        asked = [s for s in starts if not s.startswith("-c")]
    conftest.end_servers(folder)
    return {
        "targets": targets, "idle": statistics.median(wall for wall, *_ in idle), "pythons": pythons, "cached": cached, "cpu": cpu * 1000,
        "ran": ran, "asked": len(asked), "clone": wall, "not_kept": not_kept, "failed": failed,
    }  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--projects", default=",".join(NAMES))
    args = parser.parse_args()
    missed = []
    print("project   targets | nothing changed  pythons | all touched: cached  CPU ms/target | clone: ran  pytests  wall s", flush=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        for name in args.projects.split(","):
            (pathlib.Path(folder) / name).mkdir()
            row = measure(name, pathlib.Path(folder) / name)
            print(
                f"{name:9} {row['targets']:7} | {row['idle'] * 1000:12.0f} ms  {row['pythons']:7} | {row['cached']:19}  {row['cpu']:13.1f} | "
                f"{row['ran']:10}  {row['asked']:7}  {row['clone']:6.2f}",
                flush=True,
            )
            for file, why in sorted(row["not_kept"].items()):
                print(f"          {file}: {why}")
            for file in sorted(row["failed"]):
                print(f"          {file}: it failed")
            lost = set(row["not_kept"]) | row["failed"]
            missed += [f"{name}: {row['ran']} ran in the clone, {len(lost)} could not be kept"] * (row["ran"] > len(lost))
            missed += [f"{name}: pytest was started in the clone"] * (not lost and row["asked"] > 0)
            missed += [f"{name}: {row['cpu']:.1f} ms of CPU by target"] * (row["cpu"] > 5)
            missed += [f"{name}: Python was started with nothing changed"] * (row["pythons"] > 0 and not row["failed"])
            missed += [f"jinja2: {row['idle'] * 1000:.0f} ms with nothing changed"] * (name == "jinja2" and row["idle"] > 0.1)
    for line in missed:
        print("missed:", line)
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
