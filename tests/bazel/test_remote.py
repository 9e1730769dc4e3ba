"""Real remote execution on buildbox-casd: nothing is there but what is declared, so what passes proves the edges."""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

import conftest
import pytest

BUILDBOX = pathlib.Path(os.environ.get("BUILDBOX", conftest.e2e.ROOT / ".deps/buildbox"))
NAMES = os.environ.get("BAZEL_PROJECTS", "toolz wtforms jinja2 boltons mako flask").split()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.fixture
def farm(tmp_path):
    """Starts a farm whose workers have the system, the interpreter, and the folders given."""
    running = []

    def start(*folders):
        if not (BUILDBOX / "buildbox-casd").exists() or not shutil.which("bwrap"):
            pytest.fail("there is no buildbox-casd: make bazel fetches it")
        port = free_port()
        mounts = ["/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc", sys.base_prefix, *map(str, folders)]
        command = [BUILDBOX / "buildbox-casd", f"--bind=127.0.0.1:{port}", f"--buildbox-run={BUILDBOX / 'buildbox-run'}", "--jobs=2",
                   "--quota-high=2G", *(f"--runner-arg=--bind-mount={m}:{m}" for m in mounts if os.path.exists(m)), tmp_path / "cas"]
        log = open(tmp_path / "casd.log", "w")
        running.append(subprocess.Popen(command, stdout=log, stderr=log))
        for _ in range(100):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", port)) == 0:
                    return f"grpc://127.0.0.1:{port}"
            time.sleep(0.1)
        pytest.fail((tmp_path / "casd.log").read_text())

    yield start
    for process in running:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


@pytest.mark.parametrize("name", NAMES)
def test_project_on_a_farm(name, project, farm):
    w = project(name)
    plain = w.plain(conftest.e2e.KNOWN[name]["tests"])
    if name in conftest.LEARNED:
        w.testfan("learn")
    w.init().gen()
    url = farm(w.path.parent / "venv", conftest.e2e.PROJECTS)
    remote = ["--disk_cache=", f"--remote_executor={url}"]
    done = w.bazel("test", "//...", *remote, "--remote_download_toplevel")
    assert w.merged() == plain, done.stderr
    assert "remote" in done.stderr and "linux-sandbox" not in done.stderr

    passed = {label for label, ways in w.results().items() if label + " " not in "".join(
        line + " " for line in done.stderr.splitlines() + done.stdout.splitlines() if "FAILED" in line)}
    w.bazel("clean")
    w.bazel("test", "//...", *remote, "--remote_download_toplevel")
    assert not passed & set(w.ran())
    assert w.merged() == plain


def test_reports_left_on_the_farm(workspace, farm):
    """With --remote_download_minimal no report comes here: an error that says so, and never a silent pass."""
    w = workspace({"pytest.ini": "[pytest]\n", "test_a.py": "def test():\n    pass\n"})
    url = farm(conftest.e2e.ROOT / ".deps")
    words = ["//...", "--disk_cache=", f"--remote_executor={url}"]
    w.bazel("test", *words, "--remote_download_minimal", check=0)
    assert w.merged(check=1) == {("", "//:test_a", "error"): 1}
    assert "--remote_download_toplevel" in (w.path.parent / "merged.xml").read_text()
    w.bazel("test", *words, "--remote_download_toplevel", check=0)
    assert w.merged(check=0) == {("test_a", "test", "passed"): 1}
