"""The C reader of pytest's configuration and collection rules against pytest itself, whatever its version."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
BUILD = Path(os.environ.get("TESTFAN_BUILD") or HERE.parent.parent / "build")
TOOL = BUILD / "unit-tools" / "dump_config"
MAJOR = int(pytest.__version__.split(".")[0])

TEST = '"""\n>>> 1\n1\n"""\ndef test_it(): pass\n'
TREE = {"test_a.py": TEST, "sub/test_b.py": TEST, "sub/b_test.py": TEST, "sub/check_c.py": TEST, "sub/mod.py": TEST}
INI = "[pytest]\n"
PYPROJECT = "[tool.pytest.ini_options]\n"
NATIVE = "[tool.pytest]\n"


def ini(text, **more):
    """TREE with a pytest.ini."""
    return {**TREE, "pytest.ini": INI + text, **more}


def toml(text, head=PYPROJECT, **more):
    return {**TREE, "pyproject.toml": head + text, **more}


CASES = {
    # which file, and the rootdir
    "nothing": TREE,
    "pytest_ini_empty": {**TREE, "pytest.ini": ""},
    "pytest_ini_without_section": {**TREE, "pytest.ini": "[other]\na = b\n", "tox.ini": INI + "testpaths = sub\n"},
    "dot_pytest_ini_empty": {**TREE, ".pytest.ini": "", "tox.ini": INI + "testpaths = sub\n"},
    "dot_pytest_ini": {**TREE, ".pytest.ini": INI + "testpaths = sub\n"},
    "pytest_ini_before_pyproject": {**toml("testpaths = ['sub']\n"), "pytest.ini": INI + "python_files = check_*.py\n"},
    "pyproject": toml("testpaths = ['sub']\n"),
    "pyproject_string": toml("testpaths = 'sub test_a.py'\n"),
    "pyproject_empty": {**TREE, "pyproject.toml": ""},
    "pyproject_without_table": {**TREE, "pyproject.toml": "[tool.black]\nline-length = 1\n", "setup.cfg": "[tool:pytest]\ntestpaths = sub\n"},
    "pyproject_before_tox": {**toml("testpaths = ['sub']\n"), "tox.ini": INI + "testpaths = no\n"},
    "pyproject_inline_table": {**TREE, "pyproject.toml": "tool = {pytest = {ini_options = {testpaths = ['sub']}}}\n"},
    "pyproject_dotted": {**TREE, "pyproject.toml": "tool.pytest.ini_options.testpaths = ['sub']\n"},
    "tox_ini": {**TREE, "tox.ini": "[tox]\nenvlist = py\n\n" + INI + "testpaths = sub\n"},
    "tox_ini_without_pytest": {**TREE, "tox.ini": "[tox]\nenvlist = py\n"},
    "setup_cfg": {**TREE, "setup.cfg": "[metadata]\nname = x\n[tool:pytest]\ntestpaths = sub\n"},
    "setup_cfg_old_section": {**TREE, "setup.cfg": INI + "testpaths = sub\n"},
    "setup_cfg_both_sections": {**TREE, "setup.cfg": INI + "a = b\n[tool:pytest]\ntestpaths = sub\n"},
    "setup_py_above": {**TREE, "setup.py": "", "@cwd": "sub"},
    "pyproject_above": {**toml("testpaths = ['sub']\n"), "@cwd": "sub"},
    "empty_pyproject_above": {**TREE, "pyproject.toml": "", "setup.py": "", "@cwd": "sub"},
    "nested_ini": {**ini("testpaths = sub\n"), "sub/pytest.ini": INI + "python_files = check_*.py\n", "@cwd": "sub"},
    "nested_setup_py": {**TREE, "setup.py": "", "sub/setup.py": "", "@cwd": "sub"},
    "nested_empty_pyproject": {**toml("testpaths = ['sub']\n"), "sub/pyproject.toml": "[project]\n", "@cwd": "sub"},
    "deep": {**TREE, "tox.ini": INI, "a/b/c/test_d.py": TEST, "@cwd": "a/b/c"},
    "ini_is_a_folder": {**TREE, "pytest.ini/x.txt": "", "tox.ini": INI + "testpaths = sub\n"},
    "broken_tox_beside": {**ini("testpaths = sub\n"), "tox.ini": "nonsense\n"},
    "broken_pyproject_beside": {**ini("testpaths = sub\n"), "pyproject.toml": "nonsense\n"},
    # pytest 9's own
    "pytest_toml": {**TREE, "pytest.toml": "[pytest]\ntestpaths = ['sub']\n"},
    "pytest_toml_empty": {**TREE, "pytest.toml": "", "pytest.ini": INI + "testpaths = sub\n"},
    "dot_pytest_toml": {**TREE, ".pytest.toml": "[pytest]\npython_files = ['check_*.py']\n"},
    "pytest_toml_top_level": {**TREE, "pytest.toml": "testpaths = ['sub']\n"},
    "pytest_toml_first": {**TREE, "pytest.toml": "[pytest]\ntestpaths = ['sub']\n", "pytest.ini": INI},
    "native": toml("testpaths = ['sub']\naddopts = ['-v', '--ignore=sub/b_test.py']\n", NATIVE),
    "native_string": toml("testpaths = 'sub'\n", NATIVE),
    "native_number_in_list": toml("testpaths = ['sub', 1]\n", NATIVE),
    "native_bool": toml("consider_namespace_packages = true\n", NATIVE),
    "native_bool_string": toml("consider_namespace_packages = 'true'\n", NATIVE),
    "native_and_ini_options": toml("testpaths = ['sub']\n[tool.pytest.ini_options]\naddopts = '-v'\n", NATIVE),
    "native_and_empty_ini_options": toml("testpaths = ['sub']\n[tool.pytest.ini_options]\n", NATIVE),
    "native_empty": toml("", NATIVE),
    # files that cannot be read
    "ini_no_section": {**TREE, "pytest.ini": "a = b\n"},
    "ini_bad_line": ini("nonsense\n"),
    "ini_duplicate": ini("testpaths = a\ntestpaths = b\n"),
    "ini_duplicate_section": ini("[pytest]\n"),
    "ini_continuation_first": ini("  x\n"),
    "ini_not_utf8": {**TREE, "pytest.ini": b"[pytest]\naddopts = -k \xff\n"},
    "toml_broken": toml("testpaths = [\n"),
    "toml_duplicate": toml("testpaths = []\ntestpaths = []\n"),
    "toml_bom": {**TREE, "pyproject.toml": b"\xef\xbb\xbf[tool.pytest.ini_options]\n"},
    "ini_bom": {**TREE, "pytest.ini": b"\xef\xbb\xbf[pytest]\ntestpaths = sub\n"},
    # values
    "ini_continuation": ini("testpaths =\n  sub\n\n  # not this\n  test_a.py\n"),
    "ini_colon": ini("testpaths: sub\n"),
    "ini_comment_in_value": ini("python_files = test_*.py ; check_*.py # b\n"),
    "ini_crlf": {**TREE, "pytest.ini": "[pytest]\r\ntestpaths = sub\r\n"},
    "ini_long_line": ini("python_files = " + " ".join(f"long{i}_*.py" for i in range(99)) + " check_*.py\n"),
    "ini_long_section": {**TREE, "tox.ini": f"[testenv:{'x' * 80}1]\na=b\n[testenv:{'x' * 80}2]\na=c\n" + INI + "testpaths=sub\n"},
    "addopts_quotes": ini("addopts = -k 'a or b' --ignore=\"sub/b_test.py\" -p no:doctest\n"),
    "addopts_unclosed": ini("addopts = -k 'a\n"),
    "addopts_backslash": ini("addopts = -v \\\n"),
    "addopts_positional": ini("addopts = sub/b_test.py\n"),
    "addopts_positional_node": ini("addopts = sub/b_test.py::test_it\n"),
    "addopts_positional_missing": ini("addopts = nowhere\n"),
    "addopts_positional_and_testpaths": ini("addopts = sub/check_c.py\ntestpaths = test_a.py\n"),
    "addopts_rootdir_too_late": ini("addopts = --rootdir=sub -v\n"),
    "addopts_config_too_late": ini("addopts = -c other.ini\n", **{"other.ini": INI + "testpaths = sub\n"}),
    "addopts_override": ini("addopts = -o python_files=check_*.py\n"),
    "addopts_bad_number": ini("addopts = --maxfail=x\n"),
    "addopts_no_value": ini("addopts = -v --maxfail\n"),
    "addopts_flag_with_value": ini("addopts = --exitfirst=1\n"),
    "addopts_cluster": ini("addopts = -xvsk it sub\n"),
    "cache_dir": ini("cache_dir = .cache/here\n"),
    "cache_dir_toml_int": toml("cache_dir = 0x10\n"),
    "bool_toml": toml("consider_namespace_packages = true\n"),
    "bool_yes": ini("consider_namespace_packages = YES\n"),
    "bool_wrong": ini("consider_namespace_packages = maybe\n"),
    "pythonpath": ini("pythonpath = src . 'with blank'\n"),
    "toml_escapes": toml('python_files = ["\\u0063heck_*.py", \'te*.py\']\n'),
    "toml_multiline": toml('testpaths = """\n  sub \\\n  test_a.py\n"""\n'),
    # what is collected
    "testpaths_missing": ini("testpaths = nowhere\n"),
    "testpaths_glob": ini("testpaths = s*\n"),
    "testpaths_glob_deep": ini("testpaths = **/tests\n", **{"a/tests/test_x.py": TEST, "a/b/tests/test_y.py": TEST, ".h/tests/test_z.py": TEST}),
    "testpaths_double_star_end": ini("testpaths = a/**\n", **{"a/b/test_x.py": TEST, "a/mod.py": TEST}),
    "testpaths_hidden_file": ini("testpaths = .h/*.py .h\n", **{".h/mod.py": TEST, ".h/test_z.py": TEST}),
    "testpaths_class": ini("testpaths = [st]u[!a]\n"),
    "testpaths_in_norecurse": ini("testpaths = build\n", **{"build/test_x.py": TEST, "build/dist/test_y.py": TEST}),
    "testpaths_nested_in_norecurse": ini("testpaths = a a/build/x\n", **{"a/build/x/test_x.py": TEST, "a/build/test_y.py": TEST}),
    "testpaths_file": ini("testpaths = sub/mod.py\n"),
    "testpaths_dot_parts": ini("testpaths = ./sub/../sub/\n"),
    "testpaths_keepduplicates": ini("addopts = --keep-duplicates\ntestpaths = a a/build/x\n", **{"a/build/x/test_x.py": TEST, "a/build/test_y.py": TEST}),
    "python_files_path": ini("python_files = sub/check_*.py\n"),
    "python_files_path_deep": ini("python_files = a/**/check_*.py\n", **{"a/b/c/check_x.py": TEST, "a/check_y.py": TEST}),
    "python_files_all": ini("python_files = *.py\n", **{"sub/__init__.py": TEST, "conftest.py": TEST, "setup.py": "x = 1\n"}),
    "python_files_class": ini("python_files = [!t]*_[a-c].py tes?_a.py\n"),
    "python_files_init": ini("python_files = test_*.py __init__.py\n", **{"sub/__init__.py": TEST}),
    "python_files_unclosed": ini("python_files = [a*.py\n", **{"[ab.py": TEST}),
    "norecursedirs": ini("norecursedirs = sub\n", **{"build/test_x.py": TEST, ".tox/test_y.py": TEST, "node_modules/test_z.py": TEST}),
    "norecursedirs_path": ini("norecursedirs = a/sub\n", **{"a/sub/test_x.py": TEST}),
    "norecursedirs_default": {**TREE, **{f"{d}/test_x.py": TEST for d in ["build", "dist", "venv", "x.egg", "_darcs", "CVS", "{arch}", ".dot", "node_modules", "__pycache__"]}},
    "ignore": ini("addopts = --ignore=sub/test_b.py --ignore test_a.py\n"),
    "ignore_folder": ini("addopts = --ignore=./sub\n"),
    "ignore_given": ini("addopts = --ignore=sub/test_b.py\ntestpaths = sub/test_b.py sub\n"),
    "ignore_glob": ini("addopts = --ignore-glob=*_b.py --ignore-glob=s?b/b_*\n"),
    "ignore_glob_folder": ini("addopts = --ignore-glob=su*\n"),
    "venv": {**TREE, "env/pyvenv.cfg": "", "env/bin/activate": "", "env/lib/test_x.py": TEST},
    "venv_without_activate": {**TREE, "env/pyvenv.cfg": "", "env/lib/test_x.py": TEST},
    "venv_without_cfg": {**TREE, "env/bin/activate": "", "env/lib/test_x.py": TEST},
    "venv_conda": {**TREE, "env/conda-meta/history": "", "env/bin/activate": "", "env/lib/test_x.py": TEST},
    "venv_collected": ini("addopts = --collect-in-virtualenv\n", **{"env/pyvenv.cfg": "", "env/bin/activate": "", "env/test_x.py": TEST}),
    "venv_given": ini("testpaths = env\n", **{"env/pyvenv.cfg": "", "env/bin/activate": "", "env/test_x.py": TEST}),
    "venv_above_given": ini("testpaths = . env/t\n", **{"env/pyvenv.cfg": "", "env/bin/activate": "", "env/t/test_x.py": TEST, "env/test_y.py": TEST}),
    "packages": {**TREE, "sub/__init__.py": "", "sub/deep/__init__.py": "", "sub/deep/test_x.py": TEST, "sub/plain/test_y.py": TEST},
    "doctest_modules": ini("addopts = --doctest-modules\n", **{"conftest.py": '">>> 1"\n', "setup.py": "import setuptools\n", "sub/setup.py": '">>> 1"\n', "sub/__main__.py": TEST, "sub/__init__.py": TEST}),
    "doctest_texts": {**TREE, "test_x.txt": ">>> 1\n1\n", "sub/test.txt": "", "sub/other.txt": "", "test_y.rst": ""},
    "doctest_glob": ini("addopts = --doctest-glob=*.rst --doctest-glob='a*.md'\n", **{"x.rst": "", "ab.md": "", "test_x.txt": ""}),
    "doctest_text_given": ini("testpaths = sub notes.txt\n", **{"notes.txt": ">>> 1\n1\n"}),
    "no_python_suffix": {**TREE, ".py": TEST, "test_x.pyc": "", "test_y.pyi": "", "test_z.PY": ""},
    "file_named_like_folder": {**TREE, "test_folder.py/test_x.py": TEST},
    "symlinks": {**TREE, "link.py": "@sub/mod.py", "test_link.py": "@sub/mod.py", "linked": "@sub", "test_broken.py": "@nowhere"},
    "odd_names": {**TREE, "a b/test_$x:#.py": TEST, "a'\"b/test_[y].py": TEST, "b\\c/test_z.py": TEST, "d\udcff/test_\udcfe\u00e9.py": TEST},
    "hash_folder": {**TREE, "#x/test_a.py": TEST, "~y/test_b.py": TEST, "-z/test_c.py": TEST},
    "unicode_question_mark": ini("python_files = test_?.py\n", **{"test_\u00e9.py": TEST}),
}


def build(root, tree):
    for path, content in tree.items():
        target = root / path
        if path == "@cwd":
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            target.write_bytes(content)
        elif content.startswith("@"):
            target.symlink_to(content[1:])
        else:
            target.write_bytes(content.encode())
    return root / tree.get("@cwd", "")


def run_pytest(folders, *args):
    job = json.dumps({"folders": [os.fspath(f) for f in folders], "args": args})
    command = [sys.executable, "-X", "utf8", "-B", str(HERE / "oracle_driver.py")]
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    return json.loads(subprocess.run(command, input=job, env=env, text=True, stdout=subprocess.PIPE, check=True).stdout)


def run_tool(folder):
    done = subprocess.run([str(TOOL), os.fspath(folder), str(MAJOR)], capture_output=True, check=False)
    if done.returncode == 4:
        assert b"error:" in done.stderr
        return None
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """What pytest said of every case."""
    base = tmp_path_factory.mktemp("oracle")
    folders = {}
    for name, tree in CASES.items():
        (base / name).mkdir()
        folders[name] = build(base / name, tree)
    plugins = ["--import-mode=importlib"]
    return {name: (folders[name], said) for name, said in zip(folders, run_pytest(folders.values(), *plugins))}


def joined(config, path):
    base = os.path.dirname(config["inipath"]) if config["inipath"] else config["rootdir"]
    return os.path.join(base, path).removesuffix("/.")


def compare(ours, said, collected=True):
    for name in ["rootdir", "inipath", "testpaths", "python_files", "python_classes", "python_functions"]:
        assert ours[name] == said[name], name
    for name in ["norecursedirs", "addopts", "cache_dir", "namespace_packages"]:
        assert ours[name] == said[name], name
    assert [joined(ours, p) for p in ours["pythonpath"]] == said["pythonpath"]
    if not collected:
        return
    flags = {f["path"]: f["flags"] for f in ours["files"]}
    assert sorted(p for p in flags if flags[p] & 1) == sorted(said["tests"])
    doctests = 9 if "--doctest-modules" in ours["addopts"] else 0
    exempt = {p for p in flags if os.path.basename(p) == "__main__.py"}
    assert sorted(p for p in flags if flags[p] & doctests and p not in exempt) == sorted(said["doctests"])
    assert [t["path"] for t in ours["texts"]] == sorted(said["texts"])


@pytest.mark.parametrize("name", CASES)
def test_case(name, answers):
    folder, said = answers[name]
    ours = run_tool(folder)
    ours_alone = name == "broken_pyproject_beside"  # pytest below 9 does not read it, we do for [tool.testfan]
    if "rootdir" not in said or said["status"] in (3, 4) or ours_alone:
        assert ours is None, (ours, said)
        return
    assert ours is not None, said
    compare(ours, said, collected=said["rootdir"] == os.fspath(folder))


# Unpacked real projects, folders with a colon between; their conftest files stay unread, so that nothing need be installed.
CORPUS = [Path(p) for p in os.environ.get("TESTFAN_CORPUS", "").split(os.pathsep) if p]


@pytest.mark.parametrize("project", CORPUS, ids=lambda p: p.name)
def test_project(project):
    [said] = run_pytest([project], "--noconftest", "-p", "no:cacheprovider")
    if "rootdir" not in said:
        pytest.skip("its options need a plugin")
    ours = run_tool(project)
    compare(ours, said, collected="tests" in said)
