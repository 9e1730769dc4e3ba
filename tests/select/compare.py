"""`testfan select` beside pytest's own answer, for seeded random expressions on real projects.

    python tests/select/compare.py jinja2 mako --seed 1 --count 200

For each project a line: expressions, those that missed a file (must be none), the share of files answered by "cannot be told",
and the files selected beyond need, as a share of all files and of those selected. Exit 1 when a file was missed, when more than
20 % of the files could not be told, or when more than 10 % were selected beyond need.
"""
import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def ask_pytest(python, tree, seed, count):
    done = subprocess.run([python, HERE / "oracle.py", str(seed), str(count)], cwd=tree, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{tree}: pytest cannot collect it:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def ask_testfan(testfan, python, tree, expression):
    words = [testfan, "select", "--python", python, "--format", "json", f"--{'keyword' if expression['option'] == '-k' else 'markexpr'}={expression['text']}"]
    done = subprocess.run(words, cwd=tree, capture_output=True, text=True)
    if done.returncode not in (0, 5):
        sys.exit(f"{tree}: {' '.join(map(str, words))}: exit {done.returncode}\n{done.stderr}")
    return {t["file"]: t["reason"] for t in json.loads(done.stdout)}


def compare(testfan, python, tree, seed, count, verbose=False):
    told = ask_pytest(python, tree, seed, count)
    out = {"files": len(told["files"]), "tests": told["tests"], "expressions": len(told["expressions"]), "missed": [], "unknown": 0, "beyond": 0}
    out["middling"] = sum(e["middling"] for e in told["expressions"])
    share_selected = []
    for e in told["expressions"]:
        selected = ask_testfan(testfan, python, tree, e)
        missed = sorted(set(e["files"]) - set(selected))
        beyond = set(selected) - set(e["files"])
        if missed:
            out["missed"].append((e["option"], e["text"], missed))
        unknown = [f for f, reason in selected.items() if reason["kind"] == "unknown"]
        out["unknown"] += len(unknown)
        out["beyond"] += len(beyond)
        if selected:
            share_selected.append(len(beyond) / len(selected))
        if verbose:
            for f in beyond:
                print(f"    {e['option']} {e['text']!r}: {f}: {selected[f]}")
    pairs = len(told["files"]) * len(told["expressions"])
    out["unknown"] /= pairs
    out["beyond"] /= pairs
    out["beyond_selected"] = sum(share_selected) / len(share_selected) if share_selected else 0
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("projects", nargs="+")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--folder", type=pathlib.Path, default=ROOT / ".deps" / "projects", help="holds NAME and venv-NAME")
    parser.add_argument("--testfan", default=ROOT / "build" / "testfan")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--markdown", type=pathlib.Path, help="write a page with the table there")
    options = parser.parse_args()
    bad, lines = False, []

    def tell(line):
        lines.append(line)
        print(line, flush=True)

    tell("| project | files | tests | expressions | select 1 to 50 % | missed | cannot be told | beyond need, of all | of selected |")
    tell("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in options.projects:
        python = options.folder / f"venv-{name}" / "bin" / "python"
        with tempfile.TemporaryDirectory(prefix="testfan-select-") as scratch:  # no configuration above the tree
            tree = shutil.copytree(options.folder / name, pathlib.Path(scratch) / name, symlinks=True)
            r = compare(options.testfan, python, tree, options.seed, options.count, options.verbose)
        tell(
            f"| {name} | {r['files']} | {r['tests']} | {r['expressions']} | {r['middling']} | {len(r['missed'])} | {r['unknown']:.1%} | {r['beyond']:.1%} | {r['beyond_selected']:.1%} |"
        )
        for option, text, missed in r["missed"]:
            tell(f"    MISSED {option} {text!r}: {', '.join(missed[:5])}")
        bad |= bool(r["missed"]) or r["unknown"] > 0.2 or r["beyond"] > 0.1
    if options.markdown:
        head = __doc__.replace("jinja2 mako --seed 1 --count 200", f"{' '.join(options.projects)} --seed {options.seed} --count {options.count}")
        options.markdown.write_text("# What -k and -m select\n\n" + head + "\n" + "\n".join(lines) + "\n")
    return bad


if __name__ == "__main__":
    sys.exit(main())
