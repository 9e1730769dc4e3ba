"""The mutation test's own parts: what an edit is, that a tree comes back as it was, and that each thing that can be wrong is said."""
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import edits  # noqa: E402
import table  # noqa: E402
from workspace import mirror  # noqa: E402

SOURCE = b'''"""Doc."""
LIMIT = 3


def f(a: "int", b):
    """Doc."""
    b = a
    if a == b:
        a.append("x")
    return a + LIMIT
'''


def lines(finder):
    return [edit.new.decode().strip() for edit in edits.edits(edits.Source(SOURCE), finder)]


def test_body_edits():
    assert lines(edits.body_edits) == ["raise RuntimeError", "if a != b:", "if not (a == b):", "pass", "return None", "return a - LIMIT"]


def test_constant_edits_leave_docstrings_and_annotations():
    assert lines(edits.constant_edits) == ["LIMIT = (-4)", "a.append('x_')"]


def test_every_edit_changes_one_line():
    source = edits.Source(SOURCE)
    for finder in (edits.body_edits, edits.constant_edits):
        for edit in edits.edits(source, finder):
            after = source.apply(edit).splitlines()
            assert [n for n, pair in enumerate(zip(SOURCE.splitlines(), after), 1) if pair[0] != pair[1]] == [edit.line]
            assert edits.compiles(source.apply(edit))


def test_a_tree_comes_back_as_it_was(tmp_path):
    tree, picture = tmp_path / "tree", tmp_path / "picture"
    (tree / "a").mkdir(parents=True)
    (tree / "a/x.py").write_text("one")
    (tree / "y.py").write_text("two")
    (tree / "link").symlink_to("y.py")
    picture.mkdir()
    mirror(tree, picture)

    def state():
        return {str(p): (p.lstat().st_mtime_ns, p.read_bytes() if p.is_file() else b"") for p in sorted(tree.rglob("*")) if not p.is_symlink()}

    before, inode = state(), os.stat(tree / "y.py").st_ino
    (tree / "a/x.py").unlink()
    (tree / "y.py").write_text("ten")
    (tree / "b/__pycache__").mkdir(parents=True)
    (tree / "b/z.py").write_text("new")
    mirror(picture, tree)
    assert state() == before
    assert os.stat(tree / "y.py").st_ino == inode


@pytest.mark.parametrize(
    "rows, unplanned, said",
    [
        ([(1, 1, 1, [], [])] * 4, [], None),
        ([(1, 1, 1, ["t.py"], [])] * 4, [], "4 changes escaped"),
        ([(1, 1, 1, [], ["t.py"])] * 4, [], "4 changes escaped --since"),
        ([(1, 0, 1, [], [])] * 2 + [(1, 1, 1, [], [])] * 2, [], "only 2 of 4 changed an outcome"),
        ([(10, 1, 1, [], [])] * 4, [], "testfan selects 10.0 times what is read, more than 1.25"),
        ([(1, 1, 1, [], [])] * 4, ["u.py"], "files with outcomes that are no targets: u.py"),
    ],
)
def test_verdict(rows, unplanned, said):
    keys = ("selected", "changed", "traced", "escaped", "escaped_since")
    result = {"targets": 10, "unplanned": unplanned, "changes": [dict(zip(keys, row)) for row in rows]}
    result["sums"] = table.sums(result)
    assert table.verdict(result) == ([said] if said else [])
