"""One-line edits of one Python file, found in its syntax tree: what stands where, and the line that takes its place."""
import ast
import collections
import warnings

Edit = collections.namedtuple("Edit", "line new what")

OPPOSITE = {
    ast.Eq: "!=", ast.NotEq: "==", ast.Lt: ">=", ast.GtE: "<", ast.Gt: "<=", ast.LtE: ">",
    ast.In: "not in", ast.NotIn: "in", ast.Is: "is not", ast.IsNot: "is",
    ast.Add: "-", ast.Sub: "+", ast.Mult: "//", ast.FloorDiv: "*", ast.Mod: "+", ast.And: "or", ast.Or: "and",
}  # fmt: skip


class Source:
    """A file's bytes by line, and edits of the places of its nodes."""

    def __init__(self, data):
        self.lines = data.splitlines(keepends=True)
        self.tree = ast.parse(data)

    def text(self, start, end):
        line = self.lines[start[0] - 1]
        return line[start[1]:end[1]].decode()

    def edit(self, start, end, new, what):
        """The edit that replaces what stands from `start` to `end`, both (line, column); None where that is more than one line."""
        if start[0] != end[0]:
            return None
        line = self.lines[start[0] - 1]
        return Edit(start[0], line[:start[1]] + new.encode() + line[end[1]:], what)

    def replace(self, node, new, what):
        return self.edit((node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset), new, what)

    def operator(self, left, right, op):
        """Between two operands stands the operator, where both are on one line and no bracket is in the way."""
        start, end = (left.end_lineno, left.end_col_offset), (right.lineno, right.col_offset)
        new = OPPOSITE.get(type(op))
        if new is None or start[0] != end[0] or set(self.text(start, end)) & set("()[]{}#\\"):
            return None
        return self.edit(start, end, f" {new} ", f"{self.text(start, end).strip()} -> {new}")

    def apply(self, edit):
        lines = list(self.lines)
        lines[edit.line - 1] = edit.new
        return b"".join(lines)


def body_edits(source):
    """Edits of what functions do."""
    for function in ast.walk(source.tree):
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        for node in ast.walk(function):
            if isinstance(node, ast.Return) and node.value is not None and not is_none(node.value):
                yield source.replace(node, "return None", "return -> return None")
            elif isinstance(node, ast.If):
                yield source.replace(node.test, f"not ({ast.unparse(node.test)})", "if -> if not")
            elif isinstance(node, ast.Compare) and len(node.ops) == 1:
                yield source.operator(node.left, node.comparators[0], node.ops[0])
            elif isinstance(node, ast.BinOp):
                yield source.operator(node.left, node.right, node.op)
            elif isinstance(node, ast.BoolOp):
                yield source.operator(node.values[0], node.values[1], node.op)
            elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                yield source.replace(node, "pass", "call -> pass")


def constant_edits(source):
    """Edits of the values that stand in a file, but for docstrings and annotations."""
    skipped = set()
    for node in ast.walk(source.tree):
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        parts = [node] if docstring or isinstance(node, ast.JoinedStr) else [getattr(node, "annotation", None), getattr(node, "returns", None)]
        skipped.update(id(n) for part in parts if part is not None for n in ast.walk(part))
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Constant) or id(node) in skipped:
            continue
        value = node.value
        if isinstance(value, bool):
            yield source.replace(node, str(not value), f"{value} -> {not value}")
        elif isinstance(value, int):
            yield source.replace(node, f"({~value})", f"{value} -> {~value}")
        elif isinstance(value, str) and value:
            yield source.replace(node, repr(value + "_"), f"{value[:12]!r} -> {(value[:12] + '_')!r}")


def is_none(node):
    return isinstance(node, ast.Constant) and node.value is None


def compiles(data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(data, "edited", "exec")
        except (SyntaxError, ValueError):
            return False
    return True


def edits(source, finder):
    """All edits of a kind, in the order of the lines; not all of them leave a file that compiles."""
    found = {(e.line, e.new): e for e in finder(source) if e is not None and e.new != source.lines[e.line - 1]}
    return [found[key] for key in sorted(found)]
