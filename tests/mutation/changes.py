"""One-line changes of a tree, drawn by a seed from all kinds: more of those in files that few tests read, only in lines that run."""
import collections
import os
import random
import sys

import edits

SHARES = {"body": 16, "renamed": 2, "constant": 6, "data": 5, "conftest": 3, "deleted": 4, "shadow": 4}
FIXTURE = b"import pytest; fails = pytest.fixture(autouse=True, name='fails')(lambda: 1 / 0)\n"
SHADOW = b"shadows = True\n"


class Change:
    """What is done to one file: `data` is its new content, None when it goes away."""

    def __init__(self, kind, path, line, what, data, traced):
        self.kind, self.path, self.line, self.what, self.data, self.traced = kind, path, line, what, data, sorted(traced)

    def apply(self, root):
        path = root / self.path
        if self.data is None:
            path.unlink()
            return
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(self.data)


class Renaming(Change):
    """A file that goes by another name."""

    def __init__(self, path, new, traced):
        super().__init__("renamed", path, 0, f"renamed to {os.path.basename(new)}", None, traced)
        self.new = new

    def apply(self, root):
        (root / self.path).rename(root / self.new)


class Facts:
    """What is known of the untouched tree: its targets, the lines that run, and which targets read a file, import a name, make Python search
    for one. `installed` is what lies beside the standard library, by name."""

    def __init__(self, root, targets, traces, lines, installed):
        self.root, self.targets, self.lines = root, targets, lines
        self.known = set(sys.stdlib_module_names) - set(sys.builtin_module_names) | {name.partition(".")[0] for name in installed}
        self.reads = collections.defaultdict(set)
        self.imported, self.searched, self.early = (collections.defaultdict(set) for _ in range(3))
        for target, trace in traces.items():
            for kind in ("reads", "imported", "searched", "early"):
                for name in trace[kind]:
                    getattr(self, kind)[name].add(target)
        self.files = sorted(p for p in self.reads if (root / p).is_file() and p not in targets and ".egg-info/" not in p)

    def python(self):
        return [p for p in self.files if p.endswith(".py")]

    def weight(self, traced):
        return 1.05 - len(traced) / len(self.targets)


def edit_of(kind, finder, facts, files, draw):
    """A change of one line that runs, in one of the files."""
    path = draw.choices(files, [facts.weight(facts.reads[p]) for p in files])[0]
    source = edits.Source((facts.root / path).read_bytes())
    found = collections.defaultdict(list)
    for edit in edits.edits(source, finder):
        if edit.line in facts.lines.get(path, ()):
            found[edit.way].append(edit)
    if not found:
        return None
    edit = draw.choice(found[draw.choice(sorted(found))])
    data = source.apply(edit)
    return Change(kind, path, edit.line, edit.what, data, facts.reads[path]) if edits.compiles(data) else None


def body_change(facts, draw):
    return edit_of("body", edits.body_edits, facts, [p for p in facts.python() if os.path.basename(p) != "conftest.py"], draw)


def constant_change(facts, draw):
    return edit_of("constant", edits.constant_edits, facts, [p for p in facts.python() if os.path.basename(p) != "conftest.py"], draw)


def data_change(facts, draw):
    files = [p for p in facts.files if not p.endswith(".py")]
    if not files:
        return None
    path = draw.choices(files, [facts.weight(facts.reads[p]) for p in files])[0]
    data = (facts.root / path).read_bytes()
    lines = data.splitlines(keepends=True)
    if b"\0" in data:
        at = draw.randrange(len(data) // 8)
        changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]
        return Change("data", path, 0, f"byte {at}", changed, facts.reads[path])
    full = [n for n, line in enumerate(lines) if line.strip()]
    if not full:
        return None
    n = draw.choice(full)
    what = draw.choice(["text added", "line removed"])
    body = lines[n].rstrip(b"\r\n")
    lines[n] = body + b" changed" + lines[n][len(body):] if what == "text added" else b""
    return Change("data", path, n + 1, what, b"".join(lines), facts.reads[path])


def conftest_change(facts, draw):
    """A line of a conftest.py, one that goes away, or a new one where there was none."""
    files = [p for p in facts.python() if os.path.basename(p) == "conftest.py"]
    way = draw.choice(["line", "line", "deleted", "new"] if files else ["new"])
    if way == "line":
        finder = draw.choice([edits.body_edits, edits.constant_edits])
        return edit_of("conftest", finder, facts, files, draw)
    if way == "deleted":
        path = draw.choice(files)
        return Change("conftest", path, 0, "deleted", None, facts.reads[path])
    below = collections.defaultdict(set)
    for target in facts.targets:
        folder = os.path.dirname(target)
        while folder:
            below[folder].add(target)
            folder = os.path.dirname(folder)
    folders = sorted(f for f in below if not (facts.root / f / "conftest.py").exists())
    if not folders:
        return None
    folder = draw.choices(folders, [facts.weight(below[f]) for f in folders])[0]
    return Change("conftest", f"{folder}/conftest.py", 1, "new, a fixture that fails", FIXTURE, below[folder])


def deleted_change(facts, draw):
    files = [p for p in facts.python() if os.path.basename(p) != "conftest.py"]
    path = draw.choices(files, [facts.weight(facts.reads[p]) for p in files])[0]
    return Change("deleted", path, 0, "deleted", None, facts.reads[path])


def renamed_change(facts, draw):
    files = [p for p in facts.files if os.path.basename(p) not in ("conftest.py", "__init__.py")]
    path = draw.choices(files, [facts.weight(facts.reads[p]) for p in files])[0]
    stem, suffix = os.path.splitext(path)
    return Renaming(path, f"{stem}_renamed{suffix}", facts.reads[path])


def search_folders(facts):
    """Where a new module comes before the standard library and what is installed: the working folder, and those that pytest puts first."""
    folders = {"": set(facts.targets)}
    for target in facts.targets:
        folder = os.path.dirname(target)
        while folder and (facts.root / folder / "__init__.py").exists():
            folder = os.path.dirname(folder)
        folders.setdefault(folder, set()).add(target)
    return folders


def shadow_change(facts, draw):
    """A new package beside a module of its name, or a new module that comes before one that the project imports, or that what is installed does."""
    way = draw.choice(["package", "imported", "searched"])
    found = []
    for path in facts.python() if way == "package" else ():
        if not path.endswith(("__init__.py", "conftest.py")):
            found.append((path[:-3] + "/__init__.py", "package before " + os.path.basename(path), facts.reads[path]))
    for folder, targets in sorted(search_folders(facts).items()) if way != "package" else ():
        for name in sorted(facts.known.intersection(facts.searched)):
            path = os.path.join(folder, name)
            traced = (facts.imported[name] | facts.searched[name] | (facts.early[name] if not folder else set())) & targets
            free = not (facts.root / path).exists() and not (facts.root / f"{path}.py").exists()
            if traced and free and bool(facts.imported[name]) == (way == "imported"):
                found.append((f"{path}.py", f"module before {name}", traced))
    if not found:
        return None
    path, what, traced = draw.choices(found, [facts.weight(f[2]) for f in found])[0]
    return Change("shadow", path, 1, "new " + what, SHADOW, traced)


DRAWERS = {
    "body": body_change, "constant": constant_change, "data": data_change,
    "conftest": conftest_change, "deleted": deleted_change, "renamed": renamed_change, "shadow": shadow_change,
}  # fmt: skip


def draw_changes(facts, seed, count):
    """`count` different changes; what a kind has too few of is made up for by function bodies and constants."""
    draw = random.Random(seed)
    seen, drawn = set(), []
    total = sum(SHARES.values())

    def take(kind, number):
        for _ in range(number * 50):
            if number <= 0:
                return
            change = DRAWERS[kind](facts, draw)
            if change and (change.path, change.data) not in seen:
                seen.add((change.path, change.data))
                drawn.append(change)
                number -= 1

    for kind in reversed(SHARES):
        take(kind, max(1, count * SHARES[kind] // total) if kind != "body" else count - len(drawn))
    take("constant", count - len(drawn))
    return drawn[:count]
