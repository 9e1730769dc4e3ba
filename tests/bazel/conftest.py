"""What the tests on a real Bazel share: workspaces, environments without the original tree on sys.path, build event files."""
import importlib.util
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
spec = importlib.util.spec_from_file_location("e2e_conftest", HERE.parent / "e2e/conftest.py")
e2e = importlib.util.module_from_spec(spec)
spec.loader.exec_module(e2e)

BAZEL = os.environ.get("BAZEL") or shutil.which("bazel")
FORWARD = [
    "disallow_empty_glob", "no_implicit_file_export", "disallow_struct_provider_syntax",
    "load_python_rules_from_bzl", "strict_action_env",
]
# Where tests find files by names that are computed, a traced run tells.
LEARNED = {"mako", "flask"}


class Workspace(e2e.Tree):
    """A tree that Bazel builds, with an output folder of its own."""

    def __init__(self, path, python=sys.executable):
        super().__init__(path, python)
        self.base = path.parent / "bazel"
        self.events = path.parent / "events.json"
        self.env["USER"] = "testfan"

    def init(self):
        self.testfan("init", "--engine", "bazel", check=0)
        # Offline, Bazel's coverage tools can't be fetched; nothing here needs them.
        stub = self.path.parent / "stub"
        stub.mkdir()
        (stub / "WORKSPACE").touch()
        (stub / "BUILD").write_text(
            'package(default_visibility = ["//visibility:public"])\nfilegroup(name = "coverage_report_generator")\n')
        with open(self.path / ".bazelrc", "a") as file:
            file.write(f"common --override_repository=remote_coverage_tools={stub}\n")
            file.write(f"build --disk_cache={self.path.parent / 'disk'}\n")
            file.writelines(f"build --incompatible_{name}\n" for name in FORWARD)
        return self

    def gen(self, *words, check=0):
        return self.testfan("gen", "--engine", "bazel", *words, check=check)

    def bazel(self, command, *words, **kw):
        options = [f"--build_event_json_file={self.events}", "--keep_going"] if command == "test" else []
        return self.run(BAZEL, f"--output_base={self.base}", command, *options, *words, timeout=580, **kw)

    def close(self):
        self.bazel("shutdown")
        subprocess.run(["chmod", "-R", "u+w", self.base], check=False)
        shutil.rmtree(self.base, ignore_errors=True)

    def results(self):
        """label -> the ways in which its runs came about: sandbox, cache, …"""
        found = {}
        for line in self.events.read_text().splitlines():
            event = json.loads(line)
            if "testResult" in event:
                result = event["testResult"]
                how = "local cache" if result.get("cachedLocally") else "run"
                if result.get("executionInfo", {}).get("cachedRemotely"):
                    how = "cache"
                found.setdefault(event["id"]["testResult"]["label"], []).append(how)
        return found

    def ran(self):
        return sorted(label for label, ways in self.results().items() if "run" in ways)

    def merged(self, check=None):
        out = self.path.parent / "merged.xml"
        done = self.testfan("merge", "-o", out, "--bep", self.events)
        assert check is None or done.returncode == check, done.stdout + done.stderr
        return e2e.read_report(out)

    def log(self, label):
        package, _, name = label.lstrip("/").partition(":")
        return (self.path / "bazel-testlogs" / package / (name or package.split("/")[-1]) / "test.log").read_text(errors="replace")


@pytest.fixture
def workspace(tmp_path):
    made = []

    def make(files):
        path = tmp_path / "tree"
        path.mkdir()
        made.append(Workspace(path).write(files).init())
        made[-1].gen()
        return made[-1]

    yield make
    for w in made:
        w.close()


def bare_environment(name, source, venv):
    """The project's dependencies, and the copy at `source`, without what makes the original importable."""
    original = e2e.PROJECTS / f"venv-{name}"
    subprocess.run([original / "bin/python", "-m", "venv", "--without-pip", venv], check=True)
    site = next(venv.glob("lib/python*/site-packages"))
    for entry in next(original.glob("lib/python*/site-packages")).iterdir():
        if entry.suffix != ".pth" and not entry.name.startswith("__"):
            (site / entry.name).symlink_to(entry)
    (site / "copy.pth").write_text(f"{source / 'src' if (source / 'src').is_dir() else source}\n")
    return venv / "bin/python"


@pytest.fixture
def project(tmp_path):
    made = []

    def make(name):
        source = tmp_path / name
        ignore = shutil.ignore_patterns("__pycache__", ".pytest_cache")
        shutil.copytree(e2e.PROJECTS / name, source, symlinks=True, ignore=ignore)
        made.append(Workspace(source, bare_environment(name, source, tmp_path / "venv")))
        return made[-1]

    yield make
    for w in made:
        w.close()


def executed(done):
    """How many tests a `bazel test` says it ran."""
    return int(re.search(r"Executed (\d+) out of", done.stdout + done.stderr).group(1))
