"""The grammar of -k and -m against pytest's own: seeded random texts, whole and damaged."""
import os
import random
import subprocess

import pytest
from _pytest.mark.expression import Expression
from conftest import BUILD

VERSION = ".".join(pytest.__version__.split(".")[:2])
NUMBER = "%d%02d" % tuple(map(int, VERSION.split(".")))
IDENTS = ["foo", "test_a", "a.b", "x:y", "[1]", "a+b", "-x", "a\\b", "t/x", "1", "é", "True", "None", "nota", "orx", "And"]
VALUES = ["1", "-3", "'s'", '"t u"', "True", "None", "False"]
RULES = ["foo", "not foo", "foo and bar", "foo or bar", "foo or bar and baz", "(foo or bar) and baz", "not not foo", "not (foo)",
         "((foo))", "", "  ", "foo\tand\tbar", "mark(a=1)", "mark(a='x', b=True)", "mark(a=-1)", "mark(a=None,b=\"q\")",
         "foo and", "and foo", "(foo", "foo)", "not", "()", "foo bar", "foo and or bar", "mark(", "mark(a", "mark(a=", "mark(a=1",
         "mark(a=x)", "mark(1=2)", "mark(class=1)", "mark(a='x", "mark(a='x\\y')", "mark(a.b=1)", "mark()", "foo & bar", "foo == bar",
         "'foo'", "foo, bar", "a=1", "foo!", "!", "mark(a=1 b=2)", "mark(True=1)"]  # fmt: skip


class Matcher:
    def __init__(self, names):
        self.names = names

    def __call__(self, name, /, **kwargs):
        kinds = {str: 0, int: 1}
        return name + "".join(f"|{k}={kinds.get(type(v), 2)}:{v}" for k, v in kwargs.items()) in self.names


def of_pytest(names, text):
    try:
        return "yes" if Expression.compile(text).evaluate(Matcher(names)) else "no"
    except SyntaxError as error:
        return f"{error.offset}: {error.msg}"


def of_testfan(cases):
    lines = "".join(f"{' '.join(names)}\t{text}\n" for names, text in cases)
    done = subprocess.run([BUILD / "unit-tools" / "dump_expr", NUMBER], input=lines, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def compare(cases):
    different = [(names, text, ours, of_pytest(names, text)) for (names, text), ours in zip(cases, of_testfan(cases)) if ours != of_pytest(names, text)]
    assert different == []


def draw_expression(draw, depth=0):
    kind = draw.random()
    if depth > 4 or kind < 0.4:
        ident = draw.choice(IDENTS)
        if draw.random() < 0.2:
            return ident + "(" + draw.choice([", ", ",", " , "]).join(f"{k}={draw.choice(VALUES)}" for k in draw.sample("abc", draw.randint(1, 3))) + ")"
        return ident
    if kind < 0.55:
        return "not " + draw_expression(draw, depth + 1)
    if kind < 0.65:
        return "(" + draw_expression(draw, depth + 1) + ")"
    return draw_expression(draw, depth + 1) + draw.choice([" and ", " or ", "  or\t"]) + draw_expression(draw, depth + 1)


def damage(draw, text):
    at = draw.randrange(len(text) + 1)
    return text[:at] + draw.choice(["", "", "(", ")", " not ", "=", ",", "'", '"', "!", " and ", "\\", "or"]) + text[at + draw.randint(0, 2):]


@pytest.mark.parametrize("text", RULES)
def test_each_rule_of_the_grammar(text):
    compare([(names, text) for names in ([], ["foo"], ["bar"], ["foo", "bar"], ["baz"], ["bar", "baz"], ["mark|a=1:1"])])


def test_random_expressions():
    draw = random.Random(int(os.environ.get("SEED", "1")))
    cases = []
    for _ in range(4000):
        text = draw_expression(draw)
        cases.append((draw.sample(IDENTS, draw.randint(0, 6)), text if draw.random() < 0.5 else damage(draw, text)))
    compare([c for c in cases if "\n" not in c[1]])
