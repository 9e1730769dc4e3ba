"""The TOML and INI readers against Python's tomllib and pytest's iniconfig: handwritten cases, real files, mutations of both."""

import json
import os
import random
import subprocess
from pathlib import Path

import iniconfig
import pytest

tomllib = pytest.importorskip("tomllib")

ROOT = Path(__file__).resolve().parent.parent.parent
TOOL = Path(os.environ.get("TESTFAN_BUILD") or ROOT / "build") / "unit-tools" / "dump_values"
MUTATIONS = 2000

TOML = [
    b"", b"\n", b"# only", b"a = 1", b"a = 1\r\nb = 2\r\n", b"a = 1\rb = 2", b"\xef\xbb\xbfa = 1", b"a = '\xff'", b"a",
    b"a =", b"= 1", b"a = 1 b = 2", b"a.b = 1\na.c = 2", b"a.b = 1\na = 2", b"a = 1\na.b = 2", b"a = 1\na = 2",
    b"[a]\n[a]", b"[a]\n[a.b]\n[a.c]", b"[a.b]\n[a]\nc = 1", b"[a.b]\n[a]\nb = 1", b"[a]\nb.c = 1\n[a.b]\n", b"a.b = 1\n[a]\nc = 2",
    b"[a]\nb.c = 1\n[a.b.d]\n", b"[[a]]\nb = 1\n[[a]]\nb = 2\n", b"[[a]]\n[a.b]\n[[a]]\n[a.b]\n", b"[[a]]\n[a]", b"[a]\n[[a]]",
    b"a = []\n[[a]]", b"a = [{b = 1}]\n[a.c]", b"a = {b = 1}\n[a.c]", b"a = {b = 1}\na.c = 2", b"a = {b.c = 1, b.d = 2}",
    b"a = {b = {}, b.c = 1}", b"a = {b = 1, b = 2}", b"a = {b = 1,}", b"a = {\nb = 1}", b"a = {}", b"[a.b.c]\n[a]\nb.d = 1",
    b"[[a.b]]\n[a]\nb.c = 1", b"[[a.b]]\n[[a.b.c]]\nd = 1", b"[fruit]\napple.color = 1\n[fruit.apple]", b"[a . 'b' . \"c\"]\nd=1",
    b"a = [1, 2, [3, 'x'], {y = 1}]", b"a = [\n1, # c\n\n2,\n]", b"a = [,]", b"a = [1,,2]", b"a = [1 2]",
    b'a = "\\b\\t\\n\\f\\r\\"\\\\\\u00e9\\U0001F600"', b'a = "\\x41"', b'a = "\\e"', b'a = "\\ud800"', b'a = "\\U00110000"', b'a = "\\u12"', b'a = "\\uzzzz"',
    b'a = """\nx\n"""', b'a = """x"""', b'a = """"x"""""', b'a = """x""""""', b'a = """x \\\n   y"""', b'a = """x \\   \n\n  y"""', b'a = """x \\ y"""',
    b'a = """x\\\r\n  y"""', b'a = """\r\nx\r\n"""', b"a = '''\nx'y''z\n'''", b"a = '''x\\ny'''", b"a = 'x\\n'", b"a = 'x\ny'", b'a = "x\ny"',
    b"a = ''''x'''''", b'a = ""', b"a = ''", b'a = """"""', b"a = ''''''", b'"" = 1', b"'' = 1", b'"a\\nb" = 1', b'"""a""" = 1', b'a = "\\u0000"',
    b"a = 0", b"a = +0", b"a = -0", b"a = 01", b"a = 1_000", b"a = 1__0", b"a = _1", b"a = 1_", b"a = 0x1F", b"a = 0X1F", b"a = -0x1", b"a = 0o17", b"a = 0o8",
    b"a = 0b101", b"a = 0b2", b"a = 0x_1", b"a = 99999999999999999999", b"a = 1.0", b"a = 1.", b"a = .5", b"a = 1e5", b"a = 1E+05", b"a = 1e_5", b"a = 1.e5",
    b"a = 01.5", b"a = -1_0.0_1", b"a = inf", b"a = -inf", b"a = nan", b"a = +nan", b"a = Inf", b"a = true", b"a = false", b"a = True",
    b"a = 1979-05-27", b"a = 1979-05-27T07:32:00Z", b"a = 1979-05-27 07:32:00.123456789-07:00", b"a = 1979-05-27t07:32:00", b"a = 07:32:00", b"a = 07:32",
    b"a = 1979-13-01", b"a = 1979-02-29", b"a = 2000-02-29", b"a = 1900-02-29", b"a = 0000-01-01", b"a = 24:00:00", b"a = 07:32:60", b"a = 1979-05-27T07:32:00+24:00", b"a = 1979-05-27T", b"a = 1979-05-27T07:32:00z",
    b"a = 1979-05-27 ", b"a = 979-05-27", b"a = 9-5-27", b"a = 1979-05-27 # c", b"a = 07:32:00.5", b"a = 07:32:00.",
    b"a = 1 # \x01", b"# \x7f", b"a = '\x00'", b"a = '\t'", b'a = "\x1f"', b"\x0c", b"a\xc2\xa0= 1", "é = 1".encode(), '"é" = "ü"'.encode(), b"a-b_c.1 = 2", b"1.2 = 3",
    b"[]", b"[ ]", b"[a", b"[a]]", b"[[a]", b"[a.]", b"[.a]", b"[a..b]", b"[a] x = 1", b"[a] # c", b"[ [a]]", b"[[a] ]",
    b"a = " + b"[" * 90 + b"]" * 90, b"a." * 90 + b"b = 1", b"[a]\n  b = 1\n\t[a.c]\n", b"a = 1 \t\n", b"a   .   b = 1", b"'a.b'.c = 1",
]

INI = [
    b"", b"\n\n", b"[a]", b"[a]\n[a]", b"[a]\n[b]\n[a]", b"[]", b"[ a ]\nb=1", b"[a]b]\nc=1", b"[a] # c\nb=1", b"[a] ; c\nb=1", b"[a # c]\nb=1", b"[a\nb=1", b"[a] x\nb=1",
    b"a=1", b"[s]\na", b"[s]\na=1\na=2", b"[s]\na=1\n b\n c", b"[s]\n a=1", b"  a", b"[s]\na=\n b", b"[s]\na=\n\n b\n\n c\nd=1", b"[s]\na = 1\n# c\n  2\n  ; d\n  3",
    b"[s]\na = 1 # c", b"[s]\na = 1 ; c\nb = ; x\n c ; d", b"[s]\na : 1", b"[s]\na : b = 1", b"[s]\na = b : 1", b"[s]\na=b=c", b"[s]\n= 1\n 2", b"[s]\n: 1", b"[s]\na=", b"[s]\na=   ",
    b"[s]\n a", b"[s]\n[a]\n x", b"[s]\na=1\n[b\n c", b"[s]\na=1\n[b] c\n", b"[s]\r\na=1\r\n  2\r\n", b"[s]\ra=1\r  2", b"[s]\na=1\n\t2", b"[s]\na=1\x0c2", b"[s]\na=1\x0b2=3", "[s]\na=1\u20282=3".encode(),
    "[s]\n\u00a0a=1".encode(), "[s]\na\u00a0=\u00a01\u3000".encode(), "[s]\na=1\n\u2003b".encode(), b"\xef\xbb\xbf[s]\na=1", b"\xff", b"[s]\na=\xff", b"[s]\na=1\x1c2", b"[s]\na=1\xc2\x852=3", b"[s]\nn ;a = 1", b"[s]\na\x01b = \x01;\x01",
    b"[s]\na = " + b"x" * 5000 + b" ; y" * 200, b"[s]\na = x\n" + b"  more words ; here\n" * 300, b"[" + b"s" * 300 + b"]\n" + b"k" * 300 + b" = 1\n 2", b"[s]\n" + b"k" * 60 + b"1=1\n" + b"k" * 60 + b"2=2\n 3",
    b"[s]\na = |x|\n |y|\n +z", b"[s]\n%0 = %1", b"[s]\n" + b"a = " + b" " * 400 + b"x" + b" " * 400 + b"y", b"[s]\na=1\n   \n 2", b";c\n#d\n[s]\n;e\na=1\n;f", b"[s]\n;a=1\n #b=2", b"[s]\n\"q\" = 'v'", b"[0]\n1=2", b"[s]\na=\n#x\n b",
]


def run(kind, samples, folder):
    """What the C reader makes of every sample."""
    names = []
    for i, sample in enumerate(samples):
        names.append(folder / f"{i}")
        names[-1].write_bytes(sample)
    lines = []
    for i in range(0, len(names), 500):
        out = subprocess.run([TOOL, kind, *names[i : i + 500]], check=True, stdout=subprocess.PIPE).stdout
        lines += out.decode().splitlines()
    return [json.loads(line) for line in lines]


def text(s):
    return s.replace("\u0100", "\0").encode("latin-1").decode()


def python_value(v):
    """The value of a tree that dump_values printed for TOML; scalars are read by tomllib itself."""
    kind, *rest = v
    if kind == "dict":
        return {text(key): python_value(item) for key, *item in rest}
    if kind == "list":
        return [python_value(item) for item in rest]
    if kind == "str":
        return text(rest[0])
    value = expected_toml(f"x = {rest[0]}".encode()) or {"x": "no scalar: " + rest[0]}
    value = value["x"]
    named = type(value).__name__ if type(value).__module__ == "builtins" else "datetime"
    return value if named == kind else f"{value} is no {kind}"


def same(a, b):
    return repr(a) == repr(b)  # repr, since nan != nan


def expected_toml(sample):
    try:
        return tomllib.loads(sample.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError):
        return None


def expected_ini(sample, path):
    path.write_bytes(sample)
    try:
        sections = iniconfig.IniConfig(str(path)).sections
    except (iniconfig.ParseError, UnicodeDecodeError):
        return None
    return {name: dict(section) for name, section in sections.items()}


def ini_value(printed):
    if printed is None:
        return None
    return {text(s): {text(k): text(v) for k, v in zip(rest[::3], rest[1::3])} for s, *rest in printed}


def mutations(samples, seed):
    rng = random.Random(seed)
    bits = [b"\n", b"=", b"[", b"]", b'"', b"'", b"\\", b"#", b";", b" ", b".", b"{", b"}", b",", b"\t", b":", b'"""', b"1", b"\r\n", b"\xc3\xa9"]
    for _ in range(MUTATIONS):
        sample = rng.choice(samples)
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(sample) + 1)
            end = at + rng.choice([0, 0, 1, 5])
            sample = sample[:at] + rng.choice([b"", *bits]) + sample[end:]
        yield sample


def real_files(*names):
    folders = [ROOT, *map(Path, filter(None, os.environ.get("TESTFAN_CORPUS", "").split(os.pathsep)))]
    return [p.read_bytes() for folder in folders for name in names for p in sorted(folder.rglob(name))]


def check_toml(samples, folder):
    printed = run("toml", samples, folder)
    wrong = [s for s, p in zip(samples, printed) if not same(p and python_value(p), expected_toml(s))]
    assert not wrong, (len(wrong), sorted(wrong, key=len)[:10])


def check_ini(samples, folder):
    printed = run("ini", samples, folder)
    wrong = [s for s, p in zip(samples, printed) if ini_value(p) != expected_ini(s, folder / "it")]
    assert not wrong, (len(wrong), sorted(wrong, key=len)[:10])


def test_toml_cases(tmp_path):
    check_toml(TOML, tmp_path)


def test_toml_files(tmp_path):
    check_toml(real_files("pyproject.toml"), tmp_path)


def test_toml_mutations(tmp_path):
    check_toml(list(mutations([*TOML, *real_files("pyproject.toml")], 11)), tmp_path)


def test_ini_cases(tmp_path):
    check_ini(INI, tmp_path)


def test_ini_files(tmp_path):
    check_ini(real_files("setup.cfg", "tox.ini", "*.ini"), tmp_path)


def test_ini_mutations(tmp_path):
    check_ini(list(mutations([*INI, *real_files("setup.cfg", "tox.ini")], 12)), tmp_path)
