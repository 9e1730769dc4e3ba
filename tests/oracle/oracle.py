"""An independent oracle of testfan's edges: what strace saw plain pytest touch against what testfan says a test file depends on.

    python tests/oracle/oracle.py PROJECT... [--jobs 2] [--limit 60] [--format text|markdown|json] [--verbose]

Each project (a folder of .deps/projects with its virtual environment beside it) is copied three times: one copy is run under strace, one holds the
empty test files, one is testfan's. What counts as an input is written down in inputs.py; what covers it in edges.py. Exit status 1: a Python file was missed before
`testfan learn`, anything was missed after it, or more than 20 % of the Python files that testfan names were not read; 2: a run came to nothing.
"""
import argparse
import collections
import concurrent.futures
import os
import pathlib
import random
import shlex
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import conftest
import edges
import inputs
import strace
import table

EMPTY = "test_testfan_empty"


class Project:
    """A real project, and what the oracle and testfan say of each of its test files."""

    def __init__(self, name, work, options):
        self.name, self.options = name, options
        self.copies = {}
        for use in ("traced", "empty", "testfan"):
            (work / use).mkdir(parents=True)
            self.copies[use] = conftest.copy_project(name, work / use)
        self.logs = work / "logs"
        self.logs.mkdir()
        self.trees = {use: inputs.Tree(copy.path) for use, copy in self.copies.items()}

    def targets(self):
        """All test files, or a seeded sample of a large suite."""
        words = self.copies["testfan"].testfan("select", check=0).stdout.splitlines()
        self.all = len(words)
        if self.options.limit and len(words) > self.options.limit:
            words = sorted(random.Random(self.options.seed).sample(words, self.options.limit))
        return words

    def trace(self, use, file):
        copy, tree = self.copies[use], self.trees[use]
        log = self.logs / f"{use}-{file.replace('/', '-')}"
        words = [copy.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", file]
        status, said = strace.run(log, words, copy.path, copy.env, self.options.timeout)
        if status not in (0, 1, 5):
            raise edges.Trouble(f"pytest {file} under strace gave {status}\n{said}")
        touches = strace.touches(log, copy.path)
        for path in self.logs.glob(log.name + ".*"):
            path.unlink()
        original = f"{(conftest.PROJECTS / self.name).resolve()}/"
        astray = [p for kind, p in touches if kind == strace.READ and p.startswith(original) and not inputs.EGG.fullmatch(p)]
        if astray:
            raise edges.Trouble(f"pytest {file} read from the tree that was copied: {astray[0]}")
        return inputs.Run(tree, touches)

    def warm(self, use, files):
        """Once without strace, so that every .pyc is there."""
        self.copies[use].pytest("--continue-on-collection-errors", *files, timeout=self.options.timeout)

    def seen(self, files):
        """file -> its inputs by kind, as strace saw them."""
        beside = {file: os.path.join(os.path.dirname(file), EMPTY + ".py") for file in files}
        empty = sorted(set(beside.values()))
        self.copies["empty"].write({file: "" for file in empty})
        self.warm("empty", empty)
        self.warm("traced", files)
        with concurrent.futures.ThreadPoolExecutor(self.options.jobs) as pool:
            blank = dict(zip(empty, pool.map(lambda file: self.trace("empty", file), empty)))
            runs = dict(zip(files, pool.map(lambda file: self.trace("traced", file), files)))
        return {
            file: run.inputs(blank[beside[file]], lambda p: p.replace(EMPTY, pathlib.PurePosixPath(file).stem))
            for file, run in runs.items()
        }


def judge(name, work, options):
    """One row of the table: counts, and every miss by target."""
    project = Project(name, work, options)
    files = project.targets()
    seen = project.seen(files)
    side = edges.Edges(project.copies["testfan"])
    row = {"project": name, "targets": len(files), "of": project.all, "inputs": collections.Counter()}
    for file in files:
        for kind in ("py", "data"):
            seen[file][kind].discard(file)
        row["inputs"].update({kind: len(paths) for kind, paths in seen[file].items()})
    row["before"] = side.compare(files, seen)
    if not options.static:
        side.test()
        row["audit"] = side.audit(files)
        side.learn()
        row["after"] = side.compare(files, seen)
    return row


def failed(row):
    before, after = row["before"], row.get("after")
    share = before["unused"] / max(before["pairs"], 1)
    return bool(before["missed"]["py"] or share > 0.2 or (after and any(after["missed"].values())))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("projects", nargs="+", metavar="PROJECT")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--limit", type=int, default=60, help="trace a seeded sample where there are more test files; 0: all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--timeout", type=int, default=600)
    parser.add_argument("--static", action="store_true", help="leave out what comes after `testfan learn`, and the audit")
    parser.add_argument("--format", choices=sorted(table.FORMATS), default="text")
    parser.add_argument("--verbose", action="store_true", help="name every miss and the unused files, most frequent first")
    options = parser.parse_args()
    rows = []
    for name in options.projects:
        with tempfile.TemporaryDirectory(prefix="testfan-oracle-") as work:
            try:
                rows.append(judge(name, pathlib.Path(work).resolve(), options))
            except edges.Trouble as trouble:
                print(f"{name}: {trouble}", file=sys.stderr)
                return 2
        print(f"  {name}: {rows[-1]['targets']} test files", file=sys.stderr, flush=True)
    command = " ".join(["python", "tests/oracle/oracle.py", *map(shlex.quote, sys.argv[1:])])
    print(table.FORMATS[options.format](rows, options.verbose, command))
    return int(any(map(failed, rows)))


if __name__ == "__main__":
    sys.exit(main())
