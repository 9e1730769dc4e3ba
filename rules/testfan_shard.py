"""Keeps the items of one shard: under Bazel, by TEST_TOTAL_SHARDS and TEST_SHARD_INDEX, and under Ninja, where the worker asks.

A class stays whole, and so does a function with its parameters unless that is more than a shard's share. How long each takes is
told by testfan.times.json, which is checked in; what it does not know goes by its name, so that a new test moves no other.
Without any times every test counts the same. All shards come to the same split.

PYTEST_DONT_REWRITE
"""
import json
import os
import zlib

TIMES = "testfan.times.json"


def read_times(file, root=""):
    """Group -> seconds."""
    try:
        with open(os.path.join(root, TIMES), encoding="utf-8") as times:
            entry = json.load(times)["targets"].get(file)
    except (OSError, ValueError, KeyError, AttributeError):
        return {}
    return entry.get("groups", {}) if isinstance(entry, dict) else {}


def group_of(item):
    names = item.nodeid.split("::")[1:] or [item.name]
    return names[0] if len(names) > 1 else names[0].partition("[")[0]


def pieces_of(seconds, share, whole):
    return 1 if whole or share <= 0 else max(1, min(int(seconds / share + 0.999), 1000))


def assign(times, classes, total):
    """Group -> the shards of its pieces: the longest piece first, each to the least loaded shard."""
    share = sum(times.values()) / total
    pieces = []
    for name, seconds in times.items():
        n = pieces_of(seconds, share, name in classes)
        pieces += [(-seconds / n, name, i) for i in range(n)]
    load, shards = [0.0] * total, {}
    for seconds, name, _ in sorted(pieces):
        least = min(range(total), key=lambda s: (load[s], s))
        load[least] -= seconds
        shards.setdefault(name, []).append(least)
    return shards


def keep(items, index, total, times):
    """The items of shard `index`, counted from 0, in their order."""
    groups = {}
    for item in items:
        groups.setdefault(group_of(item), []).append(item)
    classes = {name for name, members in groups.items() if getattr(members[0], "cls", None)}
    if not times:
        times = {name: float(len(members)) for name, members in groups.items()}
    shards = assign(times, classes, total)
    mine = set()
    for name, members in groups.items():
        places = shards.get(name) or [zlib.crc32(name.encode("utf-8", "surrogateescape")) % total]
        for i, item in enumerate(members):
            if places[i * len(places) // len(members)] == index:
                mine.add(id(item))
    return [item for item in items if id(item) in mine]


def from_environment():
    return int(os.environ["TEST_SHARD_INDEX"]), int(os.environ["TEST_TOTAL_SHARDS"])


def pytest_collection_modifyitems(config, items):
    if not items:
        return
    file = os.path.relpath(str(items[0].path), os.getcwd())
    items[:] = keep(items, *from_environment(), read_times(file))
