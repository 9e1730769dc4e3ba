"""The oracle's findings as text, as a table for docs/, or as JSON."""
import collections
import json

import inputs

COLUMNS = (
    ["project", "targets"]
    + [f"{kind} seen" for kind in inputs.KINDS]
    + [f"{kind} missed" for kind in inputs.KINDS]
    + ["missed after learn", "pairs", "unused", "share", "audit missed", "audit unused"]
)


def numbers(counts):
    """The counts that are not zero, by kind."""
    return ", ".join(f"{n} {kind}" for kind, n in counts.items() if n) or "0"


def cells(row):
    before, after, audit = row["before"], row.get("after"), row.get("audit", {})
    targets = row["targets"] if row["targets"] == row["of"] else f"{row['targets']} of {row['of']}"
    missed = [len(before["missed"][kind]) for kind in inputs.KINDS]
    left = numbers({kind: len(pairs) for kind, pairs in after["missed"].items()}) if after else "-"
    share = f"{100 * before['unused'] / max(before['pairs'], 1):.1f} %"
    return (
        [row["project"], targets, *(row["inputs"][kind] for kind in inputs.KINDS), *missed, left]
        + [before["pairs"], before["unused"], share, audit.get("missed", "-"), audit.get("unused", "-")]
    )  # fmt: skip


def details(row):
    """Every miss with its targets, and the unused files, most frequent first."""
    for when in ("before", "after"):
        for kind, pairs in row.get(when, {"missed": {}})["missed"].items():
            yield from frequent(f"{row['project']}: {kind} missed {when} learn", pairs)
    yield from frequent(f"{row['project']}: unused", row["before"]["unused_pairs"])


def frequent(title, pairs):
    targets = collections.defaultdict(list)
    for file, path in pairs:
        targets[path].append(file)
    for path in sorted(targets, key=lambda p: (-len(targets[p]), p)):
        yield f"{title}: {path}: {len(targets[path])}: {' '.join(targets[path][:4])}"


def text(rows, verbose):
    lines = [["" if c is None else str(c) for c in line] for line in zip(COLUMNS, *map(cells, rows))]
    width = [max(map(len, column)) for column in zip(*lines)]
    out = ["  ".join(cell.ljust(w) for cell, w in zip(line, width)).rstrip() for line in lines]
    return "\n".join(out + [line for row in rows if verbose for line in details(row)])


def markdown(rows, verbose):
    lines = [COLUMNS, ["---"] * len(COLUMNS), *map(cells, rows)]
    out = ["| " + " | ".join(map(str, line)) + " |" for line in lines]
    found = [f"    {line}" for row in rows if verbose for line in details(row)]
    return "\n".join(out + [""] * bool(found) + found)


def as_json(rows, verbose):
    return json.dumps(rows, indent=1)


FORMATS = {"text": text, "markdown": markdown, "json": as_json}
