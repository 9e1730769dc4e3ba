"""Plain pytest as the judge: what each test file's outcome is on a tree, what it reads when it runs alone, which lines run."""
import collections
import json
import os
import pathlib
import resource
import signal
import subprocess
import time

from workspace import PROJECTS

PLUGIN = pathlib.Path(__file__).resolve().parent / "plugin"
MEMORY = 4 << 30


def limit():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class Outcomes:
    """What a run told: per file the multiset of (test, outcome), and the files that it began and did not end."""

    def __init__(self, path):
        self.files = collections.defaultdict(collections.Counter)
        self.ended, self.status = False, None
        waiting = collections.Counter()
        text = path.read_text() if path.exists() else ""
        for line in text.splitlines():
            node, what, outcome = json.loads(line)
            file = node.partition("::")[0]
            if what == "end":
                self.ended, self.status = outcome in (0, 1, 5), outcome
            elif what == "item":
                waiting[node] += 1
            elif what == "finish":
                waiting[node] -= 1
            elif what != "start":
                self.files[file][node, what, outcome] += 1
        self.unfinished = {node.partition("::")[0] for node, n in waiting.items() if n > 0}


class Plain:
    """Runs plain pytest in one workspace."""

    def __init__(self, workspace):
        self.workspace = workspace
        self.out = workspace.folder / "observed"
        self.out.mkdir()
        self.seconds = 0.0

    def pytest(self, *words, timeout=600, **observe):
        tree = self.workspace.tree
        for path in self.out.iterdir():
            path.unlink()
        env = {**tree.env, "PYTHONPATH": str(PLUGIN), "PYTHONHASHSEED": "0", "OBSERVE_ROOT": str(tree.path)}
        env.update(OBSERVE_ORIGINAL=str(PROJECTS / self.workspace.name), OBSERVE_OUTCOMES=str(self.out / "outcomes"), **observe)
        command = [tree.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "mutation_observer"]
        command += ["--continue-on-collection-errors", f"--junitxml={self.out}/report.xml", *words]
        with open(self.out / "log", "wb") as log:
            child = subprocess.Popen(
                command, cwd=tree.path, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, preexec_fn=limit
            )
            try:
                child.wait(timeout)
            except subprocess.TimeoutExpired:
                pass
            finally:
                try:
                    os.killpg(child.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
                child.wait()
        return Outcomes(self.out / "outcomes")

    def warm_up(self):
        """Two runs of the untouched tree, after which its .pyc belong to it: the outcomes, and the files whose outcomes are not the same in both."""
        first = self.pytest()
        assert first.ended, f"plain pytest breaks off on {self.workspace.name}:\n{self.log()}"
        self.workspace.restore(but="__pycache__")
        self.workspace.keep()
        start = time.monotonic()
        second = self.pytest()
        self.seconds = time.monotonic() - start
        names = set(first.files) | set(second.files)
        self.workspace.restore()
        return second, sorted(f for f in names if first.files.get(f) != second.files.get(f))

    def log(self):
        return (self.out / "log").read_text(errors="replace")[-3000:]

    def trace(self, file):
        """What `file` reads when it runs alone (its paths in the tree, and the top-level names that are imported), and its outcome."""
        trace = self.out / "trace"
        alone = self.pytest(file, OBSERVE_TRACE=str(trace))
        assert trace.exists(), f"{file} leaves no trace:\n{self.log()}"
        found = json.loads(trace.read_text())
        python = [p for p in found["originals"] if p.endswith(".py")]
        assert not python, f"{file} imports the original and not the copy: {python}"
        return found, alone.files.get(file)

    def executed(self):
        """The lines that run, per file, in a run of everything."""
        lines = self.out / "lines"
        self.pytest(OBSERVE_LINES=str(lines))
        return {path: set(numbers) for path, numbers in json.loads(lines.read_text()).items()}

    def changed(self, baseline, alone):
        """The files whose outcome on the tree as it is differs from `baseline`. A run that breaks off (a hang, a crash, a broken conftest)
        says nothing of the files that it did not come to: those are run alone, and compared with what they gave `alone`."""
        now = self.pytest(timeout=self.patience())
        differ = {f for f in baseline.files if now.files.get(f) != baseline.files[f]}
        if now.ended:
            return differ
        known = set(now.files) - now.unfinished
        return {f for f in differ if f in known or self.differs_alone(f, alone)}

    def differs_alone(self, file, alone):
        return self.pytest(file, timeout=self.patience()).files.get(file) != alone[file]

    def patience(self):
        return 20 + 6 * self.seconds
