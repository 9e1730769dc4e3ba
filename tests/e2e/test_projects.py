"""On real projects: the merged report holds what one plain pytest run holds."""
import json
import shutil

import conftest
import pytest


def forget_results(tree):
    shutil.rmtree(tree.path / ".testfan/results")
    (tree.path / "build.ninja").unlink()


def split_a_file(tree):
    """Makes the file with the most tests seem to take far longer than all others."""
    results = tree.path / ".testfan/results"
    counts = {path: conftest.read_report(path) for path in results.rglob("*.xml")}
    most = max(counts, key=lambda path: sum(counts[path].values()))
    file = str(most.relative_to(results))[:-4]
    module = file[:-3].replace("/", ".")
    groups = {classname[len(module) + 1 :].split(".")[0] or name.split("[")[0]: 10.0 for classname, name, _ in counts[most]}
    entry = {"seconds": 10.0 * len(groups), "groups": groups}
    (tree.path / "testfan.times.json").write_text(json.dumps({"version": 1, "targets": {file: entry}}))


@pytest.mark.parametrize("name", conftest.NAMES)
def test_same_results_as_plain_pytest(project, name):
    tree = project(name)
    plain = tree.plain()
    failed = any(outcome in ("failure", "error") for _, _, outcome in plain)
    assert sum(plain.values()) > 100

    def check(*words):
        done = tree.testfan("test", *words)
        if "test_exceptions.py: warning" in done.stderr and "[flaky]" in done.stderr:
            done = tree.testfan("test", *words)  # mako's test_template.py removes the folder that its other files write to
        assert done.returncode == failed, done.stdout + done.stderr
        assert tree.report() == plain, words

    check()
    forget_results(tree)
    check()  # from the cache
    for words in ["--isolation", "session"], ["--retries", "1"]:
        forget_results(tree)
        check("--no-cache", *words)
    split_a_file(tree)
    check()
    plan = json.loads((tree.path / ".testfan/plan.json").read_text())
    assert sum("shards" in target for target in plan["targets"]) > 1


def test_jinja2_runs_only_what_a_change_reaches(project):
    tree = project("jinja2")
    tree.testfan("test", check=0)
    tree.ninja("test", check=0)
    assert "no work to do" in tree.ninja("test", check=0).stdout

    ext = tree.path / "src/jinja2/ext.py"
    ext.touch()
    reached = tree.testfan("rdeps", "src/jinja2/ext.py", check=0).stdout.split()
    wanted = sorted(p for p in reached if p.startswith("tests/test_"))
    done, ran = tree.ran(lambda: tree.ninja("test", check=0))
    assert ran == wanted and 0 < len(ran) < 10

    (tree.path / "tests/test_new.py").write_text("def test_new():\n    pass\n")
    done, ran = tree.ran(lambda: tree.ninja("test", check=0))
    assert ran == ["tests/test_new.py"]
    assert ("tests.test_new", "test_new", "passed") in tree.report()

    (tree.path / "tests/test_new.py").write_text("def test_new():\n    assert 0\n")
    done, ran = tree.ran(lambda: tree.ninja("test", check=1))
    assert ran == ["tests/test_new.py"]
    assert ("tests.test_new", "test_new", "failure") in tree.report()
    done, ran = tree.ran(lambda: tree.ninja("test", check=1))
    assert ran == ["tests/test_new.py"]

    (tree.path / "tests/test_new.py").unlink()
    done, ran = tree.ran(lambda: tree.ninja("test", check=0))
    assert ran == []
    assert not any(classname == "tests.test_new" for classname, _, _ in tree.report())
    assert "no work to do" in tree.ninja("test", check=0).stdout


def test_gen_gives_the_same_bytes_everywhere(project, tmp_path):
    tree = project("jinja2")
    tree.testfan("gen", check=0)
    first = (tree.path / "build.ninja").read_bytes()
    when = (tree.path / "build.ninja").stat().st_mtime_ns
    tree.testfan("gen", check=0)
    assert (tree.path / "build.ninja").stat().st_mtime_ns == when
    (tree.path / "build.ninja").unlink()
    tree.testfan("gen", "-C", tree.path, cwd="/", check=0, LC_ALL="tr_TR.UTF-8")
    assert (tree.path / "build.ninja").read_bytes() == first
    tree.run("cp", "-r", tree.path, tmp_path / "elsewhere", check=0)
    (tmp_path / "elsewhere/build.ninja").unlink()
    tree.testfan("gen", "-C", tmp_path / "elsewhere", check=0)
    assert (tmp_path / "elsewhere/build.ninja").read_bytes() == first
