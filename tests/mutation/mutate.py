"""The mutation test: seeded one-line changes of real projects; whatever test file changes its outcome under plain pytest, testfan must have selected.

    python tests/mutation/mutate.py PROJECT... [--seed N] [--count 40] [--format text|json]

A change is made in two copies of the project: in one testfan says what would run, in the other plain pytest says what changed. Exit 1 when a
change escaped, when fewer than 25 of 40 changed an outcome, or when testfan selects more than 1.25 times what a traced run shows reading the changed file.
"""
import argparse
import concurrent.futures
import json
import pathlib
import queue
import sys
import tempfile

import table
from changes import Facts, draw_changes
from plain import Plain
from selection import Selection
from workspace import Workspace

LANES = 2


class Judges:
    """Workspaces for plain pytest, each with its own baseline, that work side by side."""

    def __init__(self, name, folder):
        self.lanes = [Plain(Workspace(name, folder / f"plain{n}")) for n in range(LANES)]
        self.pool = concurrent.futures.ThreadPoolExecutor(LANES)
        for lane in self.lanes:
            lane.workspace.keep()
        self.baselines, unstable = zip(*self.pool.map(Plain.warm_up, self.lanes))
        self.unstable = sorted({f for some in unstable for f in some})
        self.free = queue.SimpleQueue()
        for n in range(LANES):
            self.free.put(n)

    def each(self, work, items):
        """work(lane, its baseline, item) for every item, each on a clean tree; the results in the items' order."""

        def one(item):
            n = self.free.get()
            try:
                return work(self.lanes[n], self.baselines[n], item)
            finally:
                self.lanes[n].workspace.restore()
                self.free.put(n)

        return list(self.pool.map(one, items))


def judge(lane, baseline, change):
    change.apply(lane.workspace.path)
    return lane.changed(baseline)


def mutate(name, seed, count, folder):
    """Everything about one project, as the table shows it."""
    selection = Selection(name, folder / "testfan")
    judges = Judges(name, folder)
    targets = selection.targets
    left_out = sorted(set(judges.unstable) | set(selection.unpassed))
    traces = dict(zip(targets, judges.each(lambda lane, _, file: lane.trace(file), targets)))
    [lines] = judges.each(lambda lane, *_: lane.executed(), [None])
    clean = judges.lanes[0].workspace
    changes = draw_changes(Facts(clean.picture, targets, traces, lines, clean.installed()), f"{name} {seed}", count)
    changed = judges.each(judge, changes)
    rows = []
    for change, differ in zip(changes, changed):
        selected, note = selection.of(change)
        counted = (set(differ) & set(targets)) - set(left_out)
        rows.append({
            "kind": change.kind, "path": change.path, "line": change.line, "what": change.what, "note": note,
            "selected": len(selected), "changed": len(counted), "traced": len(change.traced), "escaped": sorted(counted - set(selected)),
        })  # fmt: skip
    unplanned = sorted(set(judges.baselines[0].files) - set(targets))
    return {"project": name, "seed": seed, "targets": len(targets), "left_out": left_out, "unplanned": unplanned, "changes": rows}


def main():
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("projects", nargs="+", metavar="PROJECT")
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--count", type=int, default=40)
    words.add_argument("--format", choices=["text", "json"], default="text")
    given = words.parse_args()
    results = []
    for name in given.projects:
        with tempfile.TemporaryDirectory(prefix="testfan-mutation-") as scratch:
            result = mutate(name, given.seed, given.count, pathlib.Path(scratch))
        result["sums"] = table.sums(result)
        result["verdict"] = table.verdict(result)
        results.append(result)
        if given.format == "text":
            print(table.text(result), flush=True)
    if given.format == "json":
        json.dump(results, sys.stdout, indent=1)
    return any(result["verdict"] for result in results)


if __name__ == "__main__":
    sys.exit(main())
