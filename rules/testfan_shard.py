"""Keeps the items of one shard, by Bazel's TEST_TOTAL_SHARDS and TEST_SHARD_INDEX.

A class stays whole. Groups go, longest first, to the shard that has least so far; how long one takes is told by the number of
its tests. Every shard collects the same items in the same order, and so all come to the same split.

PYTEST_DONT_REWRITE
"""
import os

import pytest


def split(groups, total):
    """A list of group numbers per shard: the longest group first, each to the least loaded shard."""
    shards, load = [[] for _ in range(total)], [0] * total
    for number in sorted(range(len(groups)), key=lambda n: (-len(groups[n]), n)):
        least = min(range(total), key=lambda s: (load[s], s))
        shards[least].append(number)
        load[least] += len(groups[number])
    return shards


def grouped(items):
    groups = {}
    for item in items:
        key = getattr(item, "cls", None) or item.nodeid
        groups.setdefault(key, []).append(item)
    return list(groups.values())


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    total, index = int(os.environ["TEST_TOTAL_SHARDS"]), int(os.environ["TEST_SHARD_INDEX"])
    groups = grouped(items)
    mine = {id(item) for number in split(groups, total)[index] for item in groups[number]}
    items[:] = [item for item in items if id(item) in mine]


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report(collector):
    """A file that cannot be imported, or skips itself, is told once: by the first shard."""
    outcome = yield
    report = outcome.get_result()
    if os.environ["TEST_SHARD_INDEX"] != "0" and report.outcome != "passed":
        report.outcome, report.longrepr, report.result = "passed", None, []
