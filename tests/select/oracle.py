"""Runs in a project's own environment: collects the suite once with pytest and answers expressions with pytest's own matchers.

    python oracle.py SEED COUNT

Draws COUNT expressions each for -k and -m, with names of the project's own tests, and prints as JSON what each selects:
{"tests": n, "files": [...], "expressions": [{"option": "-k", "text": "...", "files": {"tests/test_a.py": 3}, "tests": 3}]}.
At least half of the drawn expressions select between 1 and 50 % of the tests, where the project has enough marks for that.
"""
import collections
import json
import random
import sys

import pytest
from _pytest.mark import KeywordMatcher
from _pytest.mark.expression import Expression

try:
    from _pytest.mark import MarkMatcher
except ImportError:
    MarkMatcher = None


class Collected:
    def pytest_collection_modifyitems(self, items):
        self.items = list(items)

    def pytest_collection_finish(self, session):
        self.items = list(session.items)


def mark_matcher(item):
    make = getattr(MarkMatcher, "from_markers", None) or MarkMatcher.from_item
    return make(item.iter_markers()) if make.__name__ == "from_markers" else make(item)


def parts(name, draw):
    """A name as people ask for it: whole, a word of it, or a piece."""
    words = [w for w in name.replace("[", "_").replace("]", "_").replace("-", "_").replace(".", "_").split("_") if w.isalnum()]
    kind = draw.random()
    if kind < 0.4 or not words:
        return name
    if kind < 0.8:
        return draw.choice(words)
    word = draw.choice(words)
    start = draw.randrange(len(word))
    return word[start : start + draw.randint(2, 6)]


def is_ident(text):
    return bool(text) and all(c.isalnum() or c in "_:+-.[]\\/" for c in text) and text not in ("and", "or", "not")


def draw_ident(names, draw):
    while True:
        text = parts(draw.choice(names), draw)
        if is_ident(text):
            return draw.choice([text, text, text.upper(), text.lower()]) if draw.random() < 0.2 else text


def draw_text(idents, draw):
    one = idents()
    shape = draw.random()
    if shape < 0.45:
        return one
    if shape < 0.6:
        return f"{one} and not {idents()}"
    if shape < 0.75:
        return f"{one} or {idents()}"
    if shape < 0.85:
        return f"not {one}"
    if shape < 0.93:
        return f"({one} or {idents()}) and not ({idents()} and {idents()})"
    return f"{one} and {idents()}"


class Oracle:
    def __init__(self, items):
        self.items = items
        self.rootdir = items[0].config.rootpath
        self.keywords = [(item, KeywordMatcher.from_item(item)) for item in items]
        self.marks = [(item, mark_matcher(item)) for item in items]

    def file(self, item):
        return item.path.relative_to(self.rootdir).as_posix()

    def answer(self, option, text):
        compiled = Expression.compile(text)
        table = self.keywords if option == "-k" else self.marks
        return collections.Counter(self.file(item) for item, matcher in table if compiled.evaluate(matcher))

    def names(self, option):
        if option == "-m":
            return sorted({m.name for item in self.items for m in item.iter_markers()} | {"slow", "nosuchmark"})
        names = set()
        for item in self.items:
            names.update(item.nodeid.replace("/", "::").split("::"))
            names.update(m.name for m in item.iter_markers())
        return sorted(names)

    def draw(self, option, count, draw):
        names, found = self.names(option), []
        for attempt in range(count * 40):
            text = draw_text(lambda: draw_ident(names, draw), draw) if option == "-k" else draw_text(lambda: draw.choice(names), draw)
            files = self.answer(option, text)
            tests = sum(files.values())
            middling = 0.01 * len(self.items) <= tests <= 0.5 * len(self.items)
            wanted = count - len(found)
            others = sum(not f["middling"] for f in found)
            if not middling and others >= count // 2 and (option == "-k" or attempt < count * 30):
                continue
            found.append({"option": option, "text": text, "files": dict(sorted(files.items())), "tests": tests, "middling": middling})
            if wanted == 1:
                break
        return found


def main():
    seed, count, *words = sys.argv[1:]
    draw = random.Random(int(seed))
    collected = Collected()
    real, sys.stdout = sys.stdout, sys.stderr
    pytest.main(["--collect-only", "-p", "no:cacheprovider", *words], plugins=[collected])
    sys.stdout = real
    oracle = Oracle(collected.items)
    print(
        json.dumps(
            {
                "tests": len(oracle.items),
                "files": sorted({oracle.file(i) for i in oracle.items}),
                "expressions": oracle.draw("-k", int(count), draw) + oracle.draw("-m", int(count), draw),
            }
        )
    )


if __name__ == "__main__":
    main()
