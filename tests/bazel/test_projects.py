"""Real projects on Bazel: plain pytest's results, nothing run twice, and after an edit no more than what depends on it."""
import os

import conftest
import pytest

# A file that few tests need, and how its edit must show.
LEAVES = {
    "toolz": "toolz/compatibility.py",
    "wtforms": "tests/common.py",
    "jinja2": "src/jinja2/sandbox.py",
    "boltons": "boltons/statsutils.py",
    "mako": "mako/ext/turbogears.py",
    "flask": "tests/type_check/typing_route.py",
}
NAMES = os.environ.get("BAZEL_PROJECTS", "toolz wtforms jinja2 boltons mako flask").split()


@pytest.mark.parametrize("name", NAMES)
def test_project(name, project):
    w = project(name)
    plain = w.plain(conftest.e2e.KNOWN[name]["tests"])
    if name in conftest.LEARNED:
        w.testfan("learn")
    w.init().gen()
    first = w.bazel("test", "//...")
    assert w.merged() == plain, first.stderr
    labels = w.testfan("select", "--format", "bazel").stdout.split()
    assert sorted(w.results()) == sorted(labels)

    failing = {label for label in labels if "FAILED" in "".join(l for l in first.stdout.splitlines() + first.stderr.splitlines() if l.startswith(label + " "))}
    again = w.bazel("test", "//...")
    assert set(w.ran()) <= failing, again.stderr
    assert w.merged() == plain

    leaf = w.path / LEAVES[name]
    leaf.write_text(leaf.read_text() + "\n_edited = True\n")
    before = {p: p.stat().st_mtime_ns for p in w.path.rglob("BUILD.bazel")}
    w.gen()
    assert {p: p.stat().st_mtime_ns for p in w.path.rglob("BUILD.bazel")} == before
    reached = set(w.testfan("rdeps", LEAVES[name]).stdout.split())
    files = w.testfan("select").stdout.split()
    dependents = {label for label, file in zip(labels, files) if file in reached}
    w.bazel("test", "//...")
    assert set(w.ran()) - failing == dependents - failing
    assert len(dependents) < len(labels)

    w.bazel("clean")
    w.bazel("test", "//...")
    assert set(w.ran()) <= failing
