"""kill -9 of a process of a run at a random moment, many times over: the next run is right, and nothing stays behind.

    python tests/soak/kills.py [--count 200] [--seed 1] [--project jinja2] [--markdown FILE]

Each time some test files are touched, `testfan test` or `ninja test` is started, and one process of it killed: the fork server, its
keeper or its branch, a child, ninja, exec or testfan itself. The run must come to an end; the next must give plain pytest's results, and after it
nothing runs in the tree but one server, nothing stays in .testfan/tmp, no socket without a server, and no lock is held. One in five runs is on a real project.
Exits 1 when anything was wrong.
"""
import argparse
import collections
import fcntl
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import conftest

# What is killed, and how often in a row of fifteen.
VICTIMS = ["server", "child", "ninja", "exec", "testfan", "server", "child", "ninja", "exec", "keeper", "server", "child", "ninja", "exec", "branch"]
PATIENCE = 60  # seconds that a run may take to end
SETTLE = 10  # seconds after which nothing of a run may be left

MARK = f"{10000 + os.getpid()}.25"  # seconds that what is left behind would run
BODY = """
import os, subprocess, sys, time, unittest.mock, pytest

@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("x")

@pytest.mark.parametrize("i", range({tests}))
def test_it(folder, i):
    (folder / str(i)).write_text("x" * 1000)
    time.sleep({seconds})
    print("some output")

def test_program():
    subprocess.run(["sh", "-c", "sleep 0.0{tests}"], check=True)

def test_leaves():
    subprocess.Popen(["sleep", "{mark}"], start_new_session={session})
"""


def make_tree(path):
    path.mkdir()
    tree = conftest.Tree(path)
    for i in range(12):
        tree.write({f"tests/test_{i}.py": BODY.format(tests=1 + i % 5, seconds=0.01 * (1 + i % 7), session=i % 2 == 0, mark=MARK)})
    tree.write({"tests/test_fails.py": "def test_it():\n    assert 0\n", "pytest.ini": "[pytest]\ntestpaths = tests\n"})
    return tree


def parent_of(pid):
    return int((pathlib.Path("/proc") / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()[1])


def kinds(path):
    """The processes at work in a tree: what they are -> their pids."""
    found = collections.defaultdict(list)
    for pid, words in conftest.processes(path):
        found[kind_of(pid, words, path)].append(pid)
    return found


def is_branch(pid):
    """Whether it listens beside its server (rules/testfan_server.py)."""
    table = pathlib.Path("/proc/net/unix").read_text().splitlines()
    listeners = {line.split()[6] for line in table if line.endswith(".branch.tmp")}
    links = [os.readlink(fd) for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir()]
    return any(link == f"socket:[{inode}]" for link in links for inode in listeners)


def kind_of(pid, words, path):
    program = words[1] if len(words) > 1 else ""
    if program.endswith("testfan_server.py"):
        try:
            return "server" if parent_of(pid) not in conftest.servers(path) else "branch" if is_branch(pid) else "child"
        except OSError:
            return "gone"
    if program.endswith("testfan_worker.py"):
        return "child"
    if words[0].endswith("testfan"):
        return {"exec": {"keep": "keeper", "run": "exec"}.get(words[2] if len(words) > 2 else "", "other"), "test": "testfan"}.get(program, "other")
    return "ninja" if words[0].endswith("ninja") else "other"


class Soak:
    def __init__(self, tree, seed):
        self.tree, self.random = tree, random.Random(seed)
        tree.env["PWD"] = str(tree.path)  # as a shell has it: an environment has one server
        self.files = sorted(p for p in tree.path.rglob("test_*.py") if ".testfan" not in p.parts)
        self.wanted = tree.plain()
        for pid, words in everything():
            if words[:2] == ["sleep", MARK]:
                os.kill(pid, signal.SIGKILL)
        self.wrong, self.temporary = [], set()
        started = time.monotonic()
        self.check(self.run())
        self.seconds = time.monotonic() - started

    def words(self, *mode):
        return [str(conftest.BUILD / "testfan"), "test", "--python", self.tree.python, *mode]

    def run(self, *mode):
        return self.tree.run(*self.words(*mode), timeout=PATIENCE)

    def say(self, *words):
        self.wrong.append(" ".join(map(str, words)))
        print("WRONG", *words, flush=True)

    def touch(self):
        for path in self.random.sample(self.files, self.random.randint(1, len(self.files))):
            path.write_text(path.read_text() + "#\n")

    def kill(self, victim, mode):
        """Kills one; returns what was killed, or None when the run was over before."""
        if mode == ["ninja"]:
            words = [self.tree.ninja_program, "test"]
        else:
            words = self.words(*mode)
        process = subprocess.Popen(words, cwd=self.tree.path, env=self.tree.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(self.random.uniform(0, 0.6 * self.seconds))
        killed = None
        while killed is None and process.poll() is None:
            time.sleep(0.01)
            found = kinds(self.tree.path)[victim]
            if found:
                killed = self.random.choice(found)
                try:
                    os.kill(killed, signal.SIGKILL)
                except ProcessLookupError:
                    killed = None
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.say("the run did not end after", victim)
            process.kill()
        return killed

    def once(self, victim):
        """Whether something was killed."""
        self.touch()
        mode = self.random.choice([[], [], ["-j4"], ["ninja"]])
        if victim in ("child", "exec") and self.random.random() < 0.3:
            mode = ["--no-workers"]
        if victim == "testfan" and mode == ["ninja"]:
            mode = []
        killed = self.kill(victim, mode)
        before = len(self.wrong)
        self.check(self.run(), victim, *mode)
        return killed is not None, len(self.wrong) == before

    def check(self, done, *what):
        found = self.tree.report()
        if found != self.wanted:
            self.say(what, "missing", self.wanted - found, "beyond", found - self.wanted, done.stdout[-2000:], done.stderr[-2000:])
        failures = any(outcome in ("failure", "error") for _, _, outcome in self.wanted)
        if done.returncode != failures:
            self.say(what, "exit status", done.returncode, done.stderr[-2000:])
        until = time.monotonic() + SETTLE
        while self.left() and time.monotonic() < until:
            time.sleep(0.05)
        if self.left():
            self.say(what, "left:", self.left())
        self.temporary = set((self.tree.path / ".testfan/tmp").iterdir())  # the next run removes them

    def left(self):
        """What should not be there when no run is at work."""
        at_work = kinds(self.tree.path)
        left = [f"{kind} {pid}" for kind, pids in at_work.items() for pid in pids if kind not in ("server", "keeper", "branch", "gone")]
        left += [f"{len(at_work[kind])} of {kind}" for kind in ("server", "branch", "keeper") if len(at_work[kind]) > 1]
        left += [f"sleep {pid}" for pid, words in everything() if words[:2] == ["sleep", MARK]]
        folder = self.tree.path / ".testfan"
        left += sorted(str(p) for p in set((folder / "tmp").iterdir()) & self.temporary)
        sockets = [p for p in (folder / "server").iterdir() if p.is_socket()]
        servers = len(at_work["server"]) + len(at_work["branch"])
        left += [f"{len(sockets)} sockets of {servers} servers"] if len(sockets) > servers else []
        left += [str(p) for p in (folder / "server").iterdir() if not p.is_socket() and p.name not in ("lock",)]
        for lock in folder / "lock", folder / "server/lock":
            with open(lock) as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    left.append(f"{lock} is held")
        return left

    def end(self):
        """The server ends when it is told to, and its keeper with it."""
        for pid in kinds(self.tree.path)["server"]:
            os.kill(pid, signal.SIGTERM)
        until = time.monotonic() + SETTLE
        while time.monotonic() < until and any(kinds(self.tree.path).values()):
            time.sleep(0.05)
        if any(kinds(self.tree.path).values()):
            self.say("the server does not end:", dict(kinds(self.tree.path)))


def everything():
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            yield int(entry.name), (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            pass


def soak(count, seed, project, folder):
    """Returns victim -> [killed, right afterwards], and what was wrong."""
    table = {victim: [0, 0] for victim in dict.fromkeys(VICTIMS)}
    wrong = []
    shares = [(lambda: make_tree(folder / "made"), count - count // 5 if project else count)]
    if project:
        shares.append((lambda: conftest.copy_project(project, folder), count // 5))
    for make, share in shares:
        soak = Soak(make(), seed)
        tries = done = 0
        while done < share and tries < 20 * share:
            victim = VICTIMS[done % len(VICTIMS)]
            started = time.monotonic()
            killed, right = soak.once(victim)
            if os.environ.get("SOAK_TALK"):
                print(done, victim, "killed" if killed else "too late", f"{time.monotonic() - started:.1f} s", flush=True)
            tries += 1
            done += killed
            table[victim][0] += killed
            table[victim][1] += killed and right
        soak.end()
        wrong += soak.wrong
    return table, wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--project", default="jinja2")
    parser.add_argument("--markdown", type=pathlib.Path)
    options = parser.parse_args()
    print("seed", options.seed, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        table, wrong = soak(options.count, options.seed, options.project, pathlib.Path(folder).resolve())
    lines = [
        "# What kill -9 leaves behind",
        "",
        f"    python tests/soak/kills.py --count {options.count} --seed {options.seed} --project {options.project}",
        "",
        *__doc__.split("\n\n")[2].strip().splitlines()[:-1],
        "",
        "| killed | times | next run right, nothing left |",
        "| --- | --- | --- |",
        *(f"| {victim} | {killed} | {right} |" for victim, (killed, right) in table.items()),
    ]
    print("\n".join(lines))
    if options.markdown:
        options.markdown.write_text("\n".join(lines) + "\n")
    for line in wrong:
        print("WRONG", line)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
