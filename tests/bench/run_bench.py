"""A full run of real projects: testfan from nothing and with its server running, against the better of pytest and pytest -n2.

    python tests/bench/run_bench.py [--runs 5] [--projects jinja2,mako] [--corpus FOLDER]

Each project is copied, with a virtual environment in which the copy comes before the original. The programs take turns; the
figures are medians of wall time. "From nothing" has no server, no .testfan and no build.ninja; "warm" has everything but the
results. The floor is what plain pytest takes of CPU time, divided by the cores. "Beyond" is the CPU time of a warm run, with that
of the server and its children, beyond plain pytest's, per target. Exits 1 when a goal is missed.
"""
import argparse
import math
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import xdist

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))
import conftest  # noqa: E402

NAMES = ("wtforms", "jinja2", "boltons", "mako", "flask", "toolz", "networkx")
SHORT = 1.0  # seconds of plain pytest under which starting up is all that counts


def measure(words, cwd, env):
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run([str(w) for w in words], cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def served_cpu(tree):
    """Of the fork servers of a tree, and of their children that have ended."""
    ticks = 0
    for pid in conftest.servers(tree):
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += sum(map(int, stat[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def add_xdist(python):
    """The peer's plugin, from the environment that runs this."""
    site = next(python.parent.parent.glob("lib/python*/site-packages"))
    for pattern in "xdist", "pytest_xdist-*", "execnet", "execnet-*":
        for path in pathlib.Path(xdist.__file__).parents[1].glob(pattern):
            shutil.copytree(path, site / path.name)


class Project:
    def __init__(self, name, folder):
        self.name = name
        self.tree = conftest.copy_project(name, folder)
        add_xdist(pathlib.Path(self.tree.python))
        self.tests = conftest.KNOWN[name]["tests"]
        self.columns = {column: [] for column in ("plain", "n2", "nothing", "warm", "idle")}
        self.cpu, self.warm_cpu = [], []
        self.nothing()
        self.tree.plain()
        self.tree.testfan("test")
        self.targets = len(list((self.tree.path / ".testfan/results").rglob("*.xml")))

    def end_server(self):
        conftest.end_servers(self.tree.path)

    def nothing(self):
        self.end_server()
        shutil.rmtree(self.tree.path / ".testfan", ignore_errors=True)
        (self.tree.path / "build.ninja").unlink(missing_ok=True)

    def forget_results(self):
        shutil.rmtree(self.tree.path / ".testfan/results")

    def run(self, column):
        pytest = [self.tree.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", self.tests]
        testfan = [conftest.BUILD / "testfan", "test", "--python", self.tree.python]
        words = {"plain": pytest, "n2": [*pytest, "-n2"], "warm": [*testfan, "--no-cache"]}.get(column, testfan)
        if column == "nothing":
            self.nothing()
        if column == "warm":
            self.forget_results()
        served = served_cpu(self.tree.path)
        wall, cpu = measure(words, self.tree.path, self.tree.env)
        if column == "warm":
            self.warm_cpu.append(cpu + served_cpu(self.tree.path) - served)
        self.columns[column].append(wall)
        if column == "plain":
            self.cpu.append(cpu)

    def row(self):
        wall = {column: statistics.median(times) for column, times in self.columns.items()}
        peer = min(wall["plain"], wall["n2"])
        plain = statistics.median(self.cpu)
        beyond = (statistics.median(self.warm_cpu) - plain) / self.targets * 1000
        return {**wall, "floor": plain / os.cpu_count(), "beyond": beyond, "ratio": peer / wall["nothing"], "warm_ratio": peer / wall["warm"],
                "n2_ratio": wall["n2"] / wall["nothing"]}  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--projects", default=",".join(NAMES))
    args = parser.parse_args()
    print("project   targets  plain    -n2  floor | nothing  ratio  vs -n2 |   warm  ratio  beyond, ms |   idle", flush=True)
    rows = {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        for name in args.projects.split(","):
            (pathlib.Path(folder) / name).mkdir()
            project = Project(name, pathlib.Path(folder) / name)
            for _ in range(args.runs):
                for column in project.columns:
                    project.run(column)
            project.end_server()
            rows[name] = row = project.row()
            print(
                f"{name:9} {project.targets:7} {row['plain']:6.2f} {row['n2']:6.2f} {row['floor']:6.2f} | "
                f"{row['nothing']:7.2f} {row['ratio']:6.2f} {row['n2_ratio']:7.2f} | {row['warm']:6.2f} {row['warm_ratio']:6.2f} {row['beyond']:11.1f} | "
                f"{row['idle']:6.3f}",
                flush=True,
            )
    long = [row["ratio"] for row in rows.values() if row["plain"] > SHORT]
    short = [row["n2_ratio"] for row in rows.values() if row["plain"] <= SHORT]
    mean = math.exp(statistics.fmean(map(math.log, long))) if long else math.inf
    print(f"geometric mean where plain takes over {SHORT:g} s: {mean:.2f} (goal 1.25), least {min(long, default=math.inf):.2f} (goal 1.00)")
    print(f"else against -n2: least {min(short, default=math.inf):.2f} (goal 1.20)")
    print(f"CPU time of a target beyond plain pytest's, at most: {max(row['beyond'] for row in rows.values()):.1f} ms (goal 20)")
    sys.exit(mean < 1.25 or min(long, default=2) < 1 or min(short, default=2) < 1.2)


if __name__ == "__main__":
    main()
