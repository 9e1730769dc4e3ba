"""Long files are split by the times that are checked in: every test runs once, and stays in its shard."""
import json
import re

import pytest

BIG = """import time, pytest

{skip}
@pytest.fixture(scope="module")
def dear():
    return 1

@pytest.mark.parametrize("i", range(12))
def test_many(i, dear):
    pass

class TestA:
    def test_a(self): pass
    def test_b(self): pass

class TestB(TestA):
    class TestInner:
        def test_c(self): pass

def test_one(): pass
def test_two(): {two}
"""
TIMES = {"test_many": 4.0, "TestA": 1.0, "TestB": 1.5, "test_one": 0.5, "test_two": 1.0}


def times(groups=TIMES):
    entry = {"seconds": sum(groups.values()) + 0.1, "groups": groups}
    return json.dumps({"version": 1, "targets": {"tests/test_big.py": entry, "tests/test_small.py": 0.1}})


@pytest.fixture
def suite(tree):
    return tree.write(
        {
            "pytest.ini": "[pytest]\n",
            "tests/test_big.py": BIG.format(skip="", two="pass"),
            "tests/test_small.py": "def test_small(): pass\n",
            "testfan.times.json": times(),
        }
    )


def parts(tree):
    """Test -> shard."""
    found = {}
    for path in (tree.path / ".testfan/results/tests").glob("test_big.py.*of*.log"):
        for line in path.read_text().splitlines():
            event = json.loads(line)
            if event["e"] == "end":
                assert event["id"] not in found
                found[event["id"].partition("::")[2]] = path.name
    return found


@pytest.mark.parametrize("words", [[], ["--no-workers"]], ids=["server", "cold"])
def test_every_test_runs_once(suite, words):
    suite.testfan("test", *words, check=0)
    assert suite.report() == suite.plain()
    found = parts(suite)
    assert len(set(found.values())) == 4
    assert found["TestA::test_a"] == found["TestA::test_b"]
    assert found["TestB::test_a"] == found["TestB::TestInner::test_c"]
    assert len({found[f"test_many[{i}]"] for i in range(12)}) == 2
    done, ran = suite.ran(lambda: suite.testfan("test", check=0))
    assert not ran
    assert "no work to do" in suite.ninja("test").stdout


def test_a_new_test_moves_no_other(suite):
    suite.testfan("test", check=0)
    before = parts(suite)
    text = (suite.path / "tests/test_big.py").read_text()
    suite.write({"tests/test_big.py": "def test_aa(): pass\n\n" + text + "\nclass TestZ:\n    def test_z(self): pass\n"})
    suite.testfan("test", check=0)
    assert suite.report() == suite.plain()
    after = parts(suite)
    assert {name: after[name] for name in before} == before and len(after) == len(before) + 2


def test_a_failure_is_told_once_and_runs_its_shard_again(suite):
    suite.write({"tests/test_big.py": BIG.format(skip="", two="assert 0")})
    suite.testfan("test", check=1)
    assert suite.report() == suite.plain()
    done, ran = suite.ran(lambda: suite.testfan("test", check=1))
    [again] = ran
    assert again == f"tests/{parts(suite)['test_two'][:-4]}"
    assert suite.ninja("tests/test_big.py.test").returncode == 1
    assert suite.testfan("select", "--failed", check=0).stdout.split() == ["tests/test_big.py"]
    suite.write({"tests/test_big.py": BIG.format(skip="", two="pass")})
    suite.testfan("test", check=0)
    assert suite.testfan("select", "--failed", check=5).stdout == ""
    assert suite.testfan("select", "--new", check=5).stdout == ""
    assert suite.testfan("select", check=0).stdout.split() == ["tests/test_big.py", "tests/test_small.py"]


@pytest.mark.parametrize("skip", ["pytest.skip('all', allow_module_level=True)", "import nowhere_to_be_found", "raise ValueError(1)"])
def test_what_collecting_says_is_said_once(suite, skip):
    suite.write({"tests/test_big.py": BIG.format(skip=skip, two="pass")})
    suite.testfan("test")
    assert suite.report() == suite.plain()


def test_a_leaning_shard_gets_a_second_opinion(suite):
    suite.write(
        {
            "tests/test_big.py": BIG.format(skip="import sys", two="assert 'xml.dom.minidom' in sys.modules"),
            "tests/test_small.py": "import xml.dom.minidom\n\ndef test_small(): pass\n",
        }
    )
    done = suite.testfan("test", check=0)
    assert "[order-dependent]" in done.stderr and suite.report() == suite.plain()


def test_an_incomplete_set_of_shards_is_refused(suite):
    suite.testfan("test", check=0)
    results = sorted((suite.path / ".testfan/results/tests").glob("*.xml"))
    assert suite.testfan("merge", "-o", "all.xml", ".testfan/report.xml", check=0)
    big = [r for r in results if "of" in r.name]
    suite.testfan("merge", "-o", "all.xml", *big, check=0)
    suite.testfan("merge", "-o", "all.xml", *big[1:], check=1)
    assert "3 of 4 parts of this file left a report" in (suite.path / "all.xml").read_text()
    other = big[0].read_text()
    big[0].write_text(re.sub(r'(value="1/4 )\w+', r"\1abcdef", other))
    suite.testfan("merge", "-o", "all.xml", *big, check=1)
    assert "different splits" in (suite.path / "all.xml").read_text()


def test_times_decide_and_settings_too(suite):
    suite.testfan("test", check=0)
    suite.write({"testfan.times.json": times({**TIMES, "test_one": 9.0})})
    done, ran = suite.ran(lambda: suite.testfan("test", check=0))
    assert ran and suite.report() == suite.plain()
    suite.write({"pyproject.toml": "[tool.testfan]\nshards = 1\n"})
    done, ran = suite.ran(lambda: suite.testfan("test", check=0))
    assert "tests/test_big.py" in ran and suite.report() == suite.plain()
    suite.write({"pyproject.toml": "", "testfan.times.json": "broken"})
    suite.testfan("test", check=0)
    assert suite.report() == suite.plain()


def test_filters_and_nodes_run_whole_files(suite):
    suite.testfan("test", "-k", "one or two", check=0)
    assert sum(suite.report().values()) == 2
    suite.testfan("test", "tests/test_big.py::TestA", check=0)
    assert sum(suite.report().values()) == 2
    suite.testfan("test", "tests/test_big.py", check=0)
    assert sum(suite.report().values()) == 19
    suite.testfan("learn", check=0)


def test_merge_writes_the_times(suite):
    (suite.path / "testfan.times.json").unlink()
    suite.write({"tests/test_big.py": BIG.format(skip="", two="time.sleep(1.2)")})
    suite.testfan("test", check=0)
    suite.testfan("merge", "--durations", "-o", "out.xml", ".testfan/report.xml", check=0)
    kept = json.loads((suite.path / "testfan.times.json").read_text())["targets"]
    assert kept["tests/test_big.py"]["groups"]["test_two"] > 1 and set(kept["tests/test_big.py"]["groups"]) == set(TIMES)
    assert isinstance(kept["tests/test_small.py"], float)
    stamp = (suite.path / "testfan.times.json").stat()
    suite.testfan("merge", "--durations", "-o", "out.xml", ".testfan/report.xml", check=0)
    assert (suite.path / "testfan.times.json").stat().st_mtime_ns == stamp.st_mtime_ns
