"""The mutation test: seeded one-line changes of real projects; whatever test file changes its outcome under plain pytest, testfan must have selected.

    python tests/mutation/mutate.py PROJECT... [--seed N] [--count 40] [--format text|json]

A change is made in two copies of the project: in one testfan says what would run, in the other plain pytest says what changed. A file that changes
only in the company of others (its outcome alone is what it was) is named, and is no escape: testfan runs each file alone. Exit 1 when a change escaped, when fewer than 25 of 40 changed an outcome, or when testfan selects more than 1.25 times what a traced run shows reading the changed file.
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


def judge(lane, baseline, alone, change, selected):
    """The files whose outcome a change changes, and those of them that were not selected and are as they were when they run alone."""
    change.apply(lane.workspace.path)
    changed = lane.changed(baseline, alone) & set(alone)
    company = {file for file in changed - set(selected) if not lane.differs_alone(file, alone)}
    return changed, company


def mutate(name, seed, count, folder):
    """Everything about one project, as the table shows it."""
    selection = Selection(name, folder / "testfan")
    judges = Judges(name, folder)
    targets = selection.targets
    observed = judges.each(lambda lane, _, file: lane.trace(file), targets)
    traces, alone = ({file: pair[n] for file, pair in zip(targets, observed)} for n in (0, 1))
    [lines] = judges.each(lambda lane, *_: lane.executed(), [None])
    clean = judges.lanes[0].workspace
    changes = draw_changes(Facts(clean.picture, targets, traces, lines, clean.installed()), f"{name} {seed}", count)
    selections = [selection.of(change) for change in changes]
    pairs = [(change, selected) for change, (selected, *_) in zip(changes, selections)]
    judged = judges.each(lambda lane, baseline, pair: judge(lane, baseline, alone, *pair), pairs)
    left_out = set(judges.unstable) | set(selection.unpassed)
    rows = []
    for change, (selected, since, note), (changed, company) in zip(changes, selections, judged):
        rows.append({
            "kind": change.kind, "path": change.path, "line": change.line, "what": change.what, "note": note,
            "selected": len(selected), "changed": len(changed - left_out), "traced": len(change.traced),
            "escaped": sorted(changed - left_out - company - set(selected)),
            "since": len(since), "escaped_since": sorted(changed - left_out - company - set(since)), "company": sorted(company - left_out),
        })  # fmt: skip
    unplanned = sorted(set(judges.baselines[0].files) - set(targets))
    return {"project": name, "seed": seed, "targets": len(targets), "left_out": sorted(left_out), "unplanned": unplanned, "changes": rows}


def main():
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("projects", nargs="+", metavar="PROJECT")
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--count", type=int, default=40)
    words.add_argument("--format", choices=["text", "json"], default="text")
    words.add_argument("--markdown", type=pathlib.Path, help="write a page with the tables there")
    given = words.parse_args()
    results = []
    for name in given.projects:
        with tempfile.TemporaryDirectory(prefix="testfan-mutation-") as scratch:
            result = mutate(name, given.seed, given.count, pathlib.Path(scratch))
        result["sums"] = table.sums(result)
        result["verdict"] = table.verdict(result)
        result["text"] = table.text(result)
        results.append(result)
        if given.format == "text":
            print(result["text"], flush=True)
    if given.format == "json":
        json.dump(results, sys.stdout, indent=1)
    if given.markdown:
        given.markdown.write_text(table.page(results, f"python tests/mutation/mutate.py {' '.join(given.projects)} --seed {given.seed} --count {given.count}"))
    return any(result["verdict"] for result in results)


if __name__ == "__main__":
    sys.exit(main())
