"""What noting the files that a run reads costs: CPU time of pytest with the trace, over that of plain pytest, in pairs.

    python tests/bench/trace_bench.py [PROJECTS_FOLDER]
"""
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROJECTS = pathlib.Path(sys.argv[1]) if sys.argv[1:] else ROOT / ".deps/projects"
PAIRS = 5
RUN = "import sys, pytest; sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', sys.argv[-1]]))"
TRACE = (
    "import os, sys; sys.path.insert(0, sys.argv[1]); import testfan_trace; del sys.path[0]; "
    "tracer = testfan_trace.start(sys.argv[2], os.getcwd(), [p for p in sys.path if 'site-packages' in p], '/nowhere'); "
    "import atexit; atexit.register(tracer.flush); "
)


def seconds(project, tests, code):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.NamedTemporaryFile() as log:
        words = [PROJECTS / f"venv-{project}/bin/python", "-c", code, ROOT / "rules", log.name, tests]
        done = subprocess.run(words, cwd=PROJECTS / project, capture_output=True)
    assert done.returncode in (0, 1), done.stderr
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    print("project   plain CPU s   traced   ratio (median of pairs)")
    for project, tests in {"jinja2": "tests", "mako": "test", "toolz": "toolz", "wtforms": "tests"}.items():
        seconds(project, tests, RUN)
        pairs = [(seconds(project, tests, RUN), seconds(project, tests, TRACE + RUN)) for _ in range(PAIRS)]
        plain, traced = (statistics.median(column) for column in zip(*pairs))
        print(f"{project:8} {plain:12.2f} {traced:8.2f} {statistics.median(t / p for p, t in pairs):7.2f}")


main()
