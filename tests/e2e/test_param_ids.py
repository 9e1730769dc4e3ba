"""The parametrize ids that the parser tells from literals, against those of pytest itself, whatever its version."""

import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
BUILD = Path(os.environ.get("TESTFAN_BUILD") or HERE.parent.parent / "build")
TOOL = BUILD / "unit-tools" / "dump_facts"

# The arguments of parametrize (for a test that takes x, or x and y), the ids of which must be known.
KNOWN = [
    "'x', [1, 2, -3]",
    "'x', (1.5, -0.25, 10.0, 100.125)",
    "'x', [True, False, None]",
    "'x', ['a', 'b', 'false', 'tests.x', \"it's\", 'a b', 'a[b]', 'a::b', 'a/b']",
    "'x', [1, 'a', None, 2.5]",
    "'x', [r'a', u'b']",
    "'x,y', [(1, 2), (3, 'a'), ['b', None]]",
    "'x, y', [(1, 2)]",
    "('x', 'y'), [(1, 2), (3, 4)]",
    "['x', 'y'], [(1, 2)]",
    "['x'], [(1,), (2,)]",
    "('x',), [('a',), ['b']]",
    "'x', [pytest.param(1, id='one'), pytest.param(2), 3]",
    "'x', [pytest.param('a', marks=pytest.mark.skip), pytest.param('b', id=None)]",
    "'x, y', [pytest.param(1, 2), pytest.param(3, 4, id='last', marks=())]",
    "'x', [1, 2], ids=['a', 'b']",
    "'x', [1, 2], ids=('a', None)",
    "'x', [object(), object()], ids=['a', 'b']",
    "'x', [1, pytest.param(2, id='own')], ids=['a', 'b']",
    "'x', [1, 2], ids=[10, True]",
    "'x', [1, 2], ids=None",
    "'x', [\n    1,  # one\n    # two\n    2,\n]",
    "'x', [1], indirect=False",
]
# The same, where they may be unknown; when they are not, they must be right.
ANY = [
    "'x,', [(1,), (2,)]",
    "'x', [1, 1]",
    "'x', ['a', 'a', 'a0']",
    "'x', ['', 'a']",
    "'x', []",
    "'x', [1_000, 0x10, 0o7, 0b1, 1e3, .5, 5., 1.50, 00, 1j]",
    "'x', [-0, -0.0, +1, ~1, - 1, --1]",
    "'x', [0.0001, 0.00001, 123456789012345.5, 1234567890123456789, 12345678901234567890.0]",
    "'x', [0.1, 0.01, 0.001, 0.0123]",
    "'x', [b'a', b'\\x00', 'a\\n', 'a\\\\b', r'a\\b', '\\x41', '\u00e9', '\u4e2d', '\\N{BULLET}']",
    "'x', ['a' 'b', 'c']",
    "'x', ['''a''', \"\"\"b\nc\"\"\"]",
    "'x', ['\t', '\x7f']",
    "'x', [(1, 2), [3], {}, {4}]",
    "'x', [int, len, object()]",
    "'x', [...]",
    "'x', [NAME, 1]",
    "'x', [*[1, 2], 3]",
    "'x', [i for i in range(3)]",
    "'x', range(3)",
    "'x', 'abc'",
    "'x', [1, 2], ids=str",
    "'x', [1, 2], ids=['a', 'a']",
    "'x', [1, 2], ids=['', 'a']",
    "'x', [1, 2], ids=[1.5, False]",
    "'x', [1, 2], ids=iter(['a', 'b'])",
    "'x', [1, 2], ids=['a', *['b']]",
    "'x', [1, 2], False, ['a', 'b']",
    "'x', [1, 2], False",
    "argnames='x', argvalues=[1, 2]",
    "'x', argvalues=[1, 2]",
    "'x', [1, 2], **{'ids': ['a', 'b']}",
    "*('x', [1, 2])",
    "'x', [(1), ('a')]",
    "('x'), [1, 2]",
    "'x', [pytest.param(*[1])]",
    "'x', [pytest.param(1, **{'id': 'a'})]",
    "'x', [pytest.param(1, id='a' 'b')]",
    "'x', [pytest.param(1, id=NAME)]",
    "'x', [pytest.param(1, id='\u00e9')]",
    "'x', [pytest.param(1, id='a'), pytest.param(2, id='a')]",
    "'x', [1 if 1 else 2, not 1, 1 + 1]",
    "'x', [f'a', f'{1}']",
    "'x,y', [(1, *[2])]",
    "'x,y', [(NAME, 1), (1, NAME)]",
    "'x', [pytest.param(1, id='a'), 2], ids=['b', 'c']",
    "'x', [pytest.param(1, id=None), 2], ids=['b', 'c']",
]


def literal(rng):
    word = "".join(rng.choice("abfrtu019_ -.:[]{}'\"\\/%") for _ in range(rng.randrange(6)))
    return rng.choice(
        [
            lambda: str(rng.choice([0, 1, 7, 10, 255, 10**15, 10**17])),
            lambda: repr(rng.choice([0.5, 1.0, 2.25, 1e16, 1e-7, 0.05, 123.456])),
            lambda: f"{rng.randrange(2000)}.{rng.choice(['', '0', '10', '01', '50', '125'])}",
            lambda: "-" + str(rng.randrange(3)),
            lambda: rng.choice(["True", "False", "None", "NAME", "0x1f", "1e2", "b'a'"]),
            lambda: repr(word),
            lambda: repr(word),
        ]
    )()


def generated(rng):
    names = rng.choice(["'x'", "'x,y'", "('x', 'y')"])
    pair = names != "'x'"

    def one():
        values = ", ".join(literal(rng) for _ in range(2 if pair else 1))
        if rng.random() < 0.2:
            return f"pytest.param({values}, id={literal(rng) if rng.random() < 0.3 else repr(rng.choice(['a', 'f', 't b']))})"
        return f"({values})" if pair else values

    sets = [one() for _ in range(rng.randrange(1, 5))]
    ids = f", ids=[{', '.join(literal(rng) for _ in sets)}]" if rng.random() < 0.2 else ""
    return f"{names}, [{', '.join(sets)}]{ids}"


def source(arguments):
    takes = "x, y" if re.search(r"\by\b", arguments.partition("[(")[0].partition(", [p")[0][:14]) else "x"
    return f"import pytest\nNAME = 'named'\n@pytest.mark.parametrize({arguments})\ndef test_it({takes}): pass\n"


def collect(folder, cases):
    """The ids that pytest gives each case; None where it does not collect it."""
    for i, arguments in enumerate(cases):
        (folder / f"test_{i:04}.py").write_text(source(arguments), encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "conftest.py").write_text(
        "import json\n"
        "def pytest_collection_finish(session):\n"
        "    found = [(item.path.name if hasattr(item, 'path') else item.fspath.basename, item.callspec.id, item.name)"
        " for item in session.items if hasattr(item, 'callspec')]\n"
        "    (session.config.rootpath / 'found.json').write_text(json.dumps(found))\n"
    )
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "--continue-on-collection-errors"]
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    subprocess.run(command, cwd=folder, env=env, stdout=subprocess.DEVNULL, check=False)
    found = [None] * len(cases)
    for name, id_, item in json.loads((folder / "found.json").read_text()):
        assert item == f"test_it[{id_}]"
        at = int(name[5:9])
        found[at] = [*(found[at] or []), id_]
    return found


def ours(folder, i):
    done = subprocess.run([TOOL, folder / f"test_{i:04}.py"], stdout=subprocess.PIPE, check=True)
    [ids] = json.loads(done.stdout)["test_it"]
    return ids


def test_literals_are_known(tmp_path):
    found = collect(tmp_path, KNOWN)
    for i, arguments in enumerate(KNOWN):
        assert found[i] is not None, arguments
        assert ours(tmp_path, i) == found[i], arguments


def test_others_are_right_or_unknown(tmp_path):
    rng = random.Random(7)
    cases = ANY + [generated(rng) for _ in range(400)]
    found = collect(tmp_path, cases)
    known = 0
    wrong = []
    for i, arguments in enumerate(cases):
        ids = ours(tmp_path, i)
        known += ids is not None
        if ids is not None and found[i] is not None and ids != found[i]:
            wrong.append((arguments, ids, found[i]))
    assert not wrong, wrong
    assert known > 50
