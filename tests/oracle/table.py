"""The oracle's findings as text, as a page for docs/, or as JSON."""
import collections
import json

COLUMNS = ["project", "test files", "inputs seen", "missed", "missed after learn", "edges to .py", "unused", "audit: missed", "unused"]
PAGE = """# What testfan's edges miss, and what they name in vain

    {command}

Seen is what `strace` saw plain pytest touch of the project, one process per test file, the file itself left out; missed is what of it `testfan deps` does not cover,
before and after `testfan learn`; unused are the Python files that `testfan deps` names and that were not read. The last two are `testfan audit`'s own counts before
`learn`. Kinds: `py` a Python file read, `data` another file read, `egg` metadata of the project itself read, `list` a folder listed, `stat` something looked at, `absent`
something looked for that is not there. What counts and what is left out is written down in tests/oracle/inputs.py, what covers an input in tests/oracle/edges.py.

"""


def numbers(counts):
    """The counts that are not zero, by kind."""
    return ", ".join(f"{n} {kind}" for kind, n in counts.items() if n) or "0"


def sizes(missed):
    return numbers({kind: len(pairs) for kind, pairs in missed.items()})


def cells(row):
    before, after, audit = row["before"], row.get("after"), row.get("audit", {})
    share = 100 * before["unused"] / max(before["pairs"], 1)
    return [
        row["project"],
        row["targets"] if row["targets"] == row["of"] else f"{row['targets']} of {row['of']}",
        numbers(row["inputs"]),
        sizes(before["missed"]),
        sizes(after["missed"]) if after else "-",
        before["pairs"],
        f"{before['unused']} ({share:.1f} %)",
        audit.get("missed", "-"),
        audit.get("unused", "-"),
    ]


def frequent(pairs):
    """The paths of (test file, path) pairs, each with its test files, most frequent first."""
    targets = collections.defaultdict(list)
    for file, path in pairs:
        targets[path].append(file)
    for path in sorted(targets, key=lambda p: (-len(targets[p]), p)):
        more = f" and {len(targets[path]) - 3} more" if len(targets[path]) > 3 else ""
        yield f"{path or '.'}: {', '.join(targets[path][:3])}{more}"


def details(row, verbose):
    """(title, lines): what fails the oracle; with `verbose` every miss, and what is unused."""
    for kind, pairs in row["before"]["missed"].items():
        if verbose or kind == "py":
            yield f"{row['project']}: {kind} missed before learn", list(frequent(pairs))
    for kind, pairs in row.get("after", {"missed": {}})["missed"].items():
        yield f"{row['project']}: {kind} missed after learn", list(frequent(pairs))
    if verbose:
        yield f"{row['project']}: unused", list(frequent(row["before"]["unused_pairs"]))


def sections(rows, verbose):
    return [(title, lines) for row in rows for title, lines in details(row, verbose) if lines]


def text(rows, verbose, command):
    table = [[str(cell) for cell in line] for line in [COLUMNS, *map(cells, rows)]]
    width = [max(map(len, column)) for column in zip(*table)]
    out = ["  ".join(cell.ljust(w) for cell, w in zip(line, width)).rstrip() for line in table]
    for title, lines in sections(rows, verbose):
        out += ["", title, *(f"  {line}" for line in lines)]
    return "\n".join(out)


def markdown(rows, verbose, command):
    table = [COLUMNS, ["---"] * len(COLUMNS), *map(cells, rows)]
    out = ["| " + " | ".join(map(str, line)) + " |" for line in table]
    for title, lines in sections(rows, verbose):
        out += ["", f"## {title}", "", *(f"- `{line.replace(': ', '`: ', 1)}" for line in lines)]
    return PAGE.format(command=command) + "\n".join(out)


def as_json(rows, verbose, command):
    return json.dumps({"command": command, "projects": rows}, indent=1)


FORMATS = {"text": text, "markdown": markdown, "json": as_json}
