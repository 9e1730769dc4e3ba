"""What a run was seen to read counts from then on: on ninja, for gen, for audit and learn."""
import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from conftest import BUILD

PASSES = "def test_ok():\n    pass\n"


def settle(tree, runs=1):
    """Runs until nothing is left to run, by testfan and by bare ninja."""
    for _ in range(runs):
        tree.testfan("test", check=0)
    done, ran = tree.ran(lambda: tree.testfan("test", check=0))
    assert ran == []
    assert "no work to do" in tree.ninja("test", check=0).stdout


def reran(tree, *, bare=False):
    return tree.ran(lambda: tree.ninja("test") if bare else tree.testfan("test"))[1]


READS = {
    "open": "open('tests/da' + 'ta.x').read()",
    "os.open": "os.read(os.open('tests/da' + 'ta.x', os.O_RDONLY), 9)",
    "pathlib": "(pathlib.Path(__file__).parent / ('da' + 'ta.x')).read_bytes()",
    "looked at": "os.path.getsize('tests/da' + 'ta.x')",
    "descriptor": "os.scandir(os.open('tests/su' + 'b', os.O_RDONLY)) and open('tests/da' + 'ta.x')",
    "child": "subprocess.run([sys.executable, '-c', 'open(\"tests/da\" + \"ta.x\")'], check=True)",
    "child of a child": "subprocess.run([sys.executable, '-c', 'import subprocess, sys; subprocess.run([sys.executable, "
    "\"-c\", \"open(chr(116)+chr(101)+chr(115)+chr(116)+chr(115)+chr(47)+chr(100)+chr(97)+chr(116)+chr(97)+chr(46)+chr(120))\"], check=True)'], check=True)",
    "child with its own environment": "subprocess.run([sys.executable, '-c', 'open(\"tests/da\" + \"ta.x\")'], check=True, env={})",
    "fork": "[os.waitpid(os.fork() or (open('tests/da' + 'ta.x'), os._exit(0)), 0)]",
    "word of a command": "subprocess.run(['cat', 'tests/da' + 'ta.x'], check=True, stdout=subprocess.DEVNULL)",
    "by a shell": "os.system('cat tests/da' 'ta.x >/dev/null')",
    "multiprocessing": "multiprocessing.get_context('fork').Process(target=open, args=('tests/da' + 'ta.x',)).start() or time.sleep(.5)",
}
HEAD = "import multiprocessing, os, pathlib, subprocess, sys, time\n\ndef test_read():\n    "


@pytest.mark.parametrize("bare", [False, True], ids=["testfan", "bare ninja"])
@pytest.mark.parametrize("how", READS)
def test_a_file_that_was_read(tree, how, bare):
    tree.write({"tests/test_a.py": HEAD + READS[how] + "\n", "tests/test_b.py": PASSES, "tests/data.x": "one", "tests/sub/y": ""})
    settle(tree)
    (tree.path / "tests/data.x").write_text("two two")
    assert reran(tree, bare=bare) == ["tests/test_a.py"]
    assert reran(tree, bare=bare) == []
    (tree.path / "tests/data.x").unlink()
    assert reran(tree, bare=bare) == ["tests/test_a.py"]


def test_what_is_removed_elsewhere_stays_an_input(tree):
    """shutil.rmtree removes by name and dir_fd: the same names in the tree are not meant."""
    tree.write(
        {
            "tests/test_a.py": "import os, shutil, sys\nimport pkg\n\ndef test_a(tmp_path):\n    (tmp_path / 'd/pkg').mkdir(parents=True)\n"
            "    (tmp_path / 'd/data.x').write_text('')\n    (tmp_path / 'd/pkg/__init__.py').write_text('')\n"
            "    open('da' + 'ta.x')\n    shutil.rmtree(tmp_path / 'd')\n"
            "    fd = os.open('tests', os.O_RDONLY)\n    os.close(os.open('in' + 'ner.x', os.O_RDONLY, dir_fd=fd))\n"
            "    try:\n        os.rmdir('pkg')\n    except OSError:\n        pass\n",
            "tests/test_b.py": PASSES,
            "pkg/__init__.py": "__import__('pkg.dy' + 'namic')\n",
            "pkg/dynamic.py": "",
            "data.x": "1",
            "tests/inner.x": "1",
        }
    )
    settle(tree)
    for file in ("data.x", "tests/inner.x", "pkg/dynamic.py"):
        (tree.path / file).write_text("x = 2")
        assert reran(tree) == ["tests/test_a.py"], file


def test_a_folder_that_is_missing(tree):
    tree.write({"tests/test_a.py": "import os\ndef test_a():\n    assert not list(os.walk('no' + 'where'))\n"})
    settle(tree)
    (tree.path / "nowhere").mkdir()
    assert reran(tree) == ["tests/test_a.py"]


@pytest.mark.parametrize("bare", [False, True], ids=["testfan", "bare ninja"])
def test_a_folder_that_was_listed_counts_by_its_names(tree, bare):
    tree.write(
        {
            "tests/test_a.py": "import os\ndef test_list():\n    open('tests/sub/made', 'w').close()\n    assert os.listdir('tests/su' + 'b')\n",
            "tests/test_b.py": PASSES,
            "tests/sub/one.x": "1",
        }
    )
    settle(tree, 2)
    (tree.path / "tests/sub/one.x").write_text("content does not count")
    assert reran(tree, bare=bare) == []
    (tree.path / "tests/sub/__pycache__").mkdir()
    assert reran(tree, bare=bare) == []
    (tree.path / "tests/sub/two.x").write_text("")
    assert reran(tree, bare=bare) == ["tests/test_a.py"]
    assert reran(tree, bare=bare) == []


@pytest.mark.parametrize("bare", [False, True], ids=["testfan", "bare ninja"])
@pytest.mark.parametrize("how", ["os.path.exists({})", "os.access({}, os.R_OK)", "[1 for _ in [0] if os.path.isfile({})]"])
def test_a_path_that_was_looked_for_in_vain(tree, how, bare):
    looks = how.format("'tests/op' + 'tional.x'")
    tree.write({"tests/test_a.py": f"import os\ndef test_look():\n    assert not {looks}\n", "tests/test_b.py": PASSES})
    settle(tree)
    (tree.path / "tests/optional.x").write_text("")
    done, ran = tree.ran(lambda: tree.ninja("test") if bare else tree.testfan("test"))
    assert ran == ["tests/test_a.py"] and done.returncode == 1


def test_what_a_run_writes_is_no_input(tree):
    tree.write(
        {
            "tests/test_a.py": "import os, time\ndef test_write():\n    os.makedirs('tests/out/deep', exist_ok=True)\n"
            "    open('tests/out/deep/now', 'w').write(str(time.time()))\n    assert open('tests/out/deep/now').read()\n"
            "    os.rename('tests/out/deep/now', 'tests/out/then')\n    assert open('tests/out/then').read()\n"
        }
    )
    settle(tree, 2)


def test_a_file_that_is_only_given_another_time_keeps_its_own(tree):
    tree.write(
        {
            "tests/test_a.py": "import os\ndef test_touch():\n    os.utime('tests/da' + 'ta.x')\n    open('tests/da' + 'ta.x')\n",
            "tests/test_b.py": "def test_read():\n    open('tests/da' + 'ta.x')\n",
            "tests/data.x": "one",
        }
    )
    before = os.stat(tree.path / "tests/data.x").st_mtime_ns
    settle(tree, runs=2)  # test_b may read while test_a has given the file another time
    assert os.stat(tree.path / "tests/data.x").st_mtime_ns == before


def test_content_that_is_older_counts(tree):
    tree.write({"tests/test_a.py": HEAD + READS["open"] + "\n", "tests/data.x": "one", "old": "other"})
    os.utime(tree.path / "old", (1, 1))
    settle(tree)
    shutil.copy2(tree.path / "old", tree.path / "tests/data.x")
    assert reran(tree) == ["tests/test_a.py"]
    shutil.copy2(tree.path / "old", tree.path / "tests/data.x")
    assert reran(tree) == []


def test_the_trace_can_be_turned_off(tree):
    tree.write({"pyproject.toml": "[tool.testfan]\ntrace = false\n", "tests/test_a.py": HEAD + READS["open"] + "\n", "tests/data.x": "one"})
    tree.testfan("test", check=0)
    assert not list((tree.path / ".testfan/results").rglob("*.trace"))
    (tree.path / "tests/data.x").write_text("two")
    assert reran(tree) == []


SEES = {
    "os.stat is no method": "class C:\n        stat = os.stat\n    assert C().stat('.') and os.stat in os.supports_dir_fd and os.stat in os.supports_follow_symlinks",
    "the environment": "assert not [k for k in os.environ if 'TESTFAN' in k] and os.environ.get('PYTHONPATH') is None",
    "a child's environment": "out = subprocess.check_output([sys.executable, '-c', 'import os, sys; print(sorted(k for k in os.environ if "
    "\"TESTFAN\" in k or k == \"PYTHONPATH\"), [p for p in sys.path if \"testfan\" in p])'], text=True)\n    assert out == '[] []\\n'",
    "a child's PYTHONPATH": "out = subprocess.check_output([sys.executable, '-c', 'import os, sys; print(os.environ[\"PYTHONPATH\"], \"/x\" in sys.path)'], "
    "text=True, env={'PYTHONPATH': '/x:/y'})\n    assert out == '/x:/y True\\n'",
    "a child's own sitecustomize": "os.makedirs('mine', exist_ok=True)\n    open('mine/sitecustomize.py', 'w').write('print(1)')\n    "
    "out = subprocess.check_output([sys.executable, '-c', 'import sitecustomize; print(sitecustomize.__file__)'], text=True, env={'PYTHONPATH': 'mine'})\n"
    "    assert out.startswith('1\\n') and 'mine/sitecustomize.py' in out",
    "errors": "import pytest\n    with pytest.raises(FileNotFoundError) as e:\n        os.stat('nothing')\n    assert e.value.filename == 'nothing'",
    "pickled": "import pickle\n    assert pickle.loads(pickle.dumps(os.stat))('.') == os.stat('.')",
    "patched": "from unittest import mock\n    with mock.patch('os.stat', autospec=True) as m:\n        os.stat('x')\n    assert m.called",
}


@pytest.mark.parametrize("what", SEES)
def test_the_trace_changes_nothing_for(tree, what):
    tree.env.pop("PYTHONPATH", None)
    tree.write({"tests/test_a.py": f"import os, subprocess, sys\n\ndef test_it():\n    {SEES[what]}\n"})
    assert tree.testfan("test").returncode == 0, tree.testfan("test", "-v").stdout


def fake_distribution(site, name, version, requires=(), package=None, extras=()):
    package = package or name
    for old in site.glob(f"{name}-*.dist-info"):
        shutil.rmtree(old)
    info = site / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    (site / package).mkdir(exist_ok=True)
    needs = "".join(f"Requires-Dist: {r}\n" for r in requires) + "".join(f'Requires-Dist: {e}; extra == "more"\n' for e in extras)
    (site / package / "__init__.py").write_text(f"version = {version!r}\n" + "".join(f"import {r}\n" for r in requires))
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}")
    (info / "RECORD").write_text(f"{package}/__init__.py,sha256={version},9\n{info.name}/METADATA,,\n{info.name}/RECORD,,\n")


@pytest.mark.parametrize("bare", [False, True], ids=["testfan", "bare ninja"])
def test_an_upgrade_runs_what_reaches_the_distribution(tree, tmp_path, bare):
    site = tmp_path / "site"
    fake_distribution(site, "low", "1.0", extras=["late"])
    fake_distribution(site, "middle", "1.0", ["low"])
    fake_distribution(site, "Other-Name", "1.0", package="other")
    tree.env["PYTHONPATH"] = str(site)
    tree.write(
        {
            "app.py": "import middle\n",
            "tests/test_app.py": "import app\n" + PASSES,
            "tests/test_low.py": "import low\n" + PASSES,
            "tests/test_hidden.py": "import importlib\n\ndef test_hidden():\n    importlib.import_module('lo' + 'w')\n",
            "tests/test_other.py": "def test_other():\n    import other\n",
            "tests/test_try.py": "try:\n    import late\nexcept ImportError:\n    late = None\n\ndef test_late():\n    assert not late\n",
            "tests/test_find.py": "import importlib.util\n\ndef test_late():\n    assert not importlib.util.find_spec('late')\n",
            "tests/test_none.py": PASSES,
        }
    )
    settle(tree)
    fake_distribution(site, "low", "1.1", extras=["late"])
    assert reran(tree, bare=bare) == ["tests/test_app.py", "tests/test_hidden.py", "tests/test_low.py"]
    fake_distribution(site, "middle", "2.0", ["low"])
    assert reran(tree, bare=bare) == ["tests/test_app.py"]
    fake_distribution(site, "Other-Name", "2.0", package="other")
    assert reran(tree, bare=bare) == ["tests/test_other.py"]
    fake_distribution(site, "late", "1.0")
    assert {"tests/test_find.py", "tests/test_try.py"} <= set(reran(tree, bare=bare))
    shutil.rmtree(site / "low")
    shutil.rmtree(next(site.glob("low-*")))
    assert {"tests/test_app.py", "tests/test_low.py", "tests/test_hidden.py"} <= set(reran(tree, bare=bare))


def audit(tree, *words):
    done = tree.testfan("audit", "--format", "json", *words)
    return done.returncode, json.loads(done.stdout)


def test_audit_learn_and_back(tree):
    tree.write(
        {
            "tests/test_a.py": HEAD + READS["open"] + "\n    assert os.listdir('tests/su' + 'b')\n    assert not os.path.exists('tests/no' + 'ne')\n"
            "    __import__('he' + 'lper')\n",
            "tests/test_b.py": "import idle\n" + PASSES,
            "tests/data.x": "1",
            "tests/sub/y": "",
            "helper.py": "import deep\n",
            "deep.py": "",
            "idle.py": "def f():\n    import deep\n",
        }
    )
    code, seen = audit(tree)
    missed = {(m["kind"], m["path"]) for t in seen["targets"] for m in t["missed"]}
    assert code == 1 and missed == {
        ("data", "tests/data.x"), ("list", "tests/sub"), ("absent", "tests/none"), ("import", "helper.py"), ("import", "deep.py")
    }
    assert [t["unused"] for t in seen["targets"]] == [[], ["deep.py"]]
    text = tree.testfan("audit").stdout
    assert "tests/test_a.py: missed data tests/data.x\n  hint: # testfan: data=/tests/data.x\n" in text
    tree.testfan("learn", check=0)
    learned = (tree.path / "testfan.learned.json").read_text()
    assert json.loads(learned) == {
        "version": 1,
        "targets": {
            "tests/test_a.py": {"absent": ["tests/none"], "lists": ["tests/sub"], "reads": ["helper.py", "tests/data.x"]},
        },
    }
    assert audit(tree)[0] == 0
    tree.testfan("learn", check=0)
    assert (tree.path / "testfan.learned.json").read_text() == learned
    assert "tests/data.x" in tree.testfan("deps", "tests/test_a.py").stdout.split()
    shutil.rmtree(tree.path / ".testfan")
    settle(tree)
    (tree.path / "tests/none").write_text("")
    assert reran(tree) == ["tests/test_a.py"]
    (tree.path / "tests/data.x").unlink()
    assert "stale-learned" in tree.testfan("gen").stderr


def test_the_pasted_lines_cure(tree):
    tree.write({"tests/test_a.py": HEAD + READS["open"] + "\n", "tests/data.x": "1"})
    lines = [s[8:] for s in tree.testfan("audit").stdout.splitlines() if s.startswith("  hint: #")]
    test = tree.path / "tests/test_a.py"
    test.write_text("\n".join(lines) + "\n" + test.read_text())
    assert lines and audit(tree)[0] == 0


def test_audit_names_what_leans_on_others(tree):
    tree.write(
        {
            "tests/test_a.py": "import xml.dom.minidom\n" + PASSES,
            "tests/test_b.py": "import xml\n\ndef test_b():\n    assert xml.dom.minidom\n",
            "tests/test_c.py": "import time\nimport pytest\n\n@pytest.mark.parametrize('x', [str(time.time())])\ndef test_c(x):\n    pass\n",
        }
    )
    seen = audit(tree)[1]
    assert seen["order_dependent"] == [{"file": "tests/test_b.py", "leans_on": "xml.dom.minidom"}]
    assert [u["file"] for u in seen["unstable"]] == ["tests/test_c.py"]


LATE = {
    "pkg/__init__.py": "",
    "pkg/core.py": "def load():\n    from pkg import late\n    return late.X\n",
    "pkg/late.py": "X = 1\n",
    "tests/test_a.py": "import pkg.core\ndef test_a(): assert pkg.core.load()\n",
    "tests/test_b.py": "import pkg.core\ndef test_b(): pass\n",
}


def test_an_import_in_a_function_counts_where_a_run_gets_to_it(tree):
    tree.write(LATE)
    settle(tree)
    assert "pkg/late.py" in tree.testfan("deps", "tests/test_b.py").stdout
    tree.write({"pkg/late.py": "X = 2\n"})
    done, ran = tree.ran(lambda: tree.ninja("test", check=0))
    assert ran == ["tests/test_a.py"]
    tree.write({"pkg/core.py": "def load():\n    from pkg import late\n    return late.X\nload()\n"})
    tree.testfan("test", check=0)
    tree.write({"pkg/late.py": "X = 3\n"})
    done, ran = tree.ran(lambda: tree.ninja("test", check=0))
    assert ran == ["tests/test_a.py", "tests/test_b.py"]


def test_a_new_module_counts_where_its_name_is_imported(tree):
    tree.write(LATE)
    tree.write({"tests/test_c.py": "import colorsys\ndef test_c(): pass\n"})
    settle(tree)
    tree.write({"colorsys.py": "shadow = 1\n"})
    done, ran = tree.ran(lambda: tree.testfan("test"))
    assert ran == ["tests/test_c.py"]
    tree.write({"pkg/late/__init__.py": "X = 5\n"})
    done, ran = tree.ran(lambda: tree.testfan("test"))
    assert ran == ["tests/test_a.py"]


def test_a_module_that_was_looked_for_in_vain_counts_when_it_comes(tree):
    tree.write(LATE)
    tree.write({"pkg/core.py": "def load():\n    try:\n        from pkg import extra\n    except ImportError:\n        return 1\n    return extra.X\n"})
    settle(tree)
    tree.write({"pkg/extra.py": "X = 0\n"})
    done, ran = tree.ran(lambda: tree.testfan("test"))
    assert ran == ["tests/test_a.py"]


ASKS = {
    "import": "__import__('pkg.ex' + 'tra')",
    "import_module": "importlib.import_module('.ex' + 'tra', 'pkg')",
    "find_spec": "assert not importlib.util.find_spec('ext' + 'ra')",
    "another Python": "assert not subprocess.run([sys.executable, '-c', '__import__(\"pkg.ex\" + \"tra\")']).returncode",
}


@pytest.mark.parametrize("bare", [False, True], ids=["testfan", "bare ninja"])
@pytest.mark.parametrize("how", ASKS)
@pytest.mark.parametrize("place", ["pkg/extra.py", "pkg/extra/__init__.py"])
def test_a_module_whose_name_only_a_run_can_tell_counts_when_it_comes(tree, how, place, bare):
    tree.write(LATE)
    tree.write({"tests/test_c.py": f"import importlib.util, subprocess, sys\ndef test_c():\n    try:\n        {ASKS[how]}\n    except (ImportError, AssertionError):\n        pass\n"})
    settle(tree)
    tree.write({place.removeprefix("pkg/" if how == "find_spec" else ""): "X = 0\n"})
    assert reran(tree, bare=bare) == ["tests/test_c.py"]


@pytest.mark.parametrize("command", ["[sys.executable, '-I', '-c', CODE]", "[sys.executable, '-ES', '-c', CODE]", "['sh', '-c', 'exec ' + sys.executable + ' -I /dev/null']"])
def test_a_program_that_is_not_watched_may_read_what_is_imported_late(tree, command):
    tree.write(LATE)
    code = "import sys; sys.path.insert(0, %r); import pkg.core; pkg.core.load()" % str(tree.path)
    tree.write({"tests/test_b.py": f"import subprocess, sys\nimport pkg.core\nCODE = {code!r}\ndef test_b(): subprocess.run({command}, check=True)\n"})
    settle(tree)
    tree.write({"pkg/late.py": "X = 2\n"})
    done, ran = tree.ran(lambda: tree.testfan("test", check=0))
    assert ran == ["tests/test_a.py", "tests/test_b.py"]


def test_without_a_trace_every_import_counts(tree):
    tree.write(LATE)
    tree.write({"pyproject.toml": "[tool.testfan]\ntrace = false\n"})
    settle(tree)
    tree.write({"pkg/late.py": "X = 2\n"})
    done, ran = tree.ran(lambda: tree.testfan("test", check=0))
    assert ran == ["tests/test_a.py", "tests/test_b.py"]


def test_who_watches_nothing_notes_nothing(tmp_path):
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); import testfan_trace\n"
        "tracer = testfan_trace.start(sys.argv[2] + '/log', sys.argv[2], [], '')\n"
        "for handlers in tracer.handlers, {}:\n"
        "    tracer.handlers, tracer.pending = handlers, []\n"
        "    os.path.exists(sys.argv[2] + '/absent%d' % len(handlers)); os.listdir(sys.argv[2])\n"
        "    print(len(tracer.pending))\n"
        "os._exit(0) if not sys.stdout.flush() else 0"
    )
    rules = pathlib.Path(__file__).parents[2] / "rules"
    done = subprocess.run([sys.executable, "-c", code, rules, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["2", "0"] and not (tmp_path / "log").exists()
