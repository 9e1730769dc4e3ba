"""What the mutation test found, as a table with its sums, and what is wrong with it."""

EFFECTIVE = 25 / 40
EXCESS = 1.25


def sums(result):
    rows, n = result["changes"], result["targets"]
    selected = sum(r["selected"] for r in rows) / (len(rows) * n)
    traced = sum(r["traced"] for r in rows) / (len(rows) * n)
    return {
        "changes": len(rows),
        "effective": sum(r["changed"] > 0 for r in rows),
        "escaped": sum(bool(r["escaped"]) for r in rows),
        "escaped_since": sum(bool(r["escaped_since"]) for r in rows),
        "selected": round(selected, 4),
        "traced": round(traced, 4),
        "ratio": round(selected / traced, 3),
    }


def verdict(result):
    """What is wrong, a sentence each."""
    s, wrong = result["sums"], []
    if s["escaped"]:
        wrong.append(f"{s['escaped']} changes escaped")
    if s["escaped_since"]:
        wrong.append(f"{s['escaped_since']} changes escaped --since")
    if s["effective"] < EFFECTIVE * s["changes"]:
        wrong.append(f"only {s['effective']} of {s['changes']} changed an outcome")
    if s["ratio"] > EXCESS:
        wrong.append(f"testfan selects {s['ratio']} times what is read, more than {EXCESS}")
    if result["unplanned"]:
        wrong.append(f"files with outcomes that are no targets: {', '.join(result['unplanned'])}")
    return wrong


def text(result):
    n = result["targets"]
    out = [f"{result['project']}: {n} test files, seed {result['seed']}"]
    if result["left_out"]:
        out.append(f"left out, unstable or failing unchanged: {', '.join(result['left_out'])}")
    out.append(f"{'kind':9} {'selected':>8} {'changed':>8} {'traced':>8}  place and change")
    for r in result["changes"]:
        place = f"{r['path']}:{r['line']}" if r["line"] else r["path"]
        counts = " ".join(f"{r[key]:>5}/{n:<3}"[:9].rjust(8) for key in ("selected", "changed", "traced"))
        out.append(f"{r['kind']:9} {counts}  {place}  {r['what']}")
        if r["note"]:
            out.append(f"{'':9} {r['note']}")
        if r["escaped"]:
            out.append(f"{'':9} ESCAPED: {', '.join(r['escaped'])}")
        if r["escaped_since"]:
            out.append(f"{'':9} ESCAPED --since: {', '.join(r['escaped_since'])}")
        if r["company"]:
            out.append(f"{'':9} changed in company, unchanged alone: {', '.join(r['company'])}")
    s = result["sums"]
    out.append(
        f"{s['changes']} changes, {s['effective']} changed an outcome, {s['escaped']} escaped, {s['escaped_since']} escaped --since; "
        f"selected {s['selected']:.1%}, read by a traced run {s['traced']:.1%}: {s['ratio']} times"
    )
    return "\n".join(out + [f"WRONG: {sentence}" for sentence in result["verdict"]]) + "\n"


def page(results, command):
    """All tables as a page of the manual."""
    out = ["# What single changes re-run", "", f"    {command}", ""]
    out += ["Seeded changes of real projects, made one at a time: `selected` are the test files that ninja would run, `changed` those whose outcome"]
    out += ["changes under plain pytest, `traced` those that a run was seen to read the changed file in. None may change and not be selected, neither by"]
    out += ["ninja nor by `testfan select --since`.", ""]
    out += ["| project | changes | change an outcome | escaped | escaped --since | selected | read | times |", "| --- | --- | --- | --- | --- | --- | --- | --- |"]
    for r in results:
        s = r["sums"]
        out.append(f"| {r['project']} | {s['changes']} | {s['effective']} | {s['escaped']} | {s['escaped_since']} | {s['selected']:.1%} | {s['traced']:.1%} | {s['ratio']} |")
    for r in results:
        out += ["", "```", r["text"].rstrip(), "```"]
    return "\n".join(out) + "\n"
