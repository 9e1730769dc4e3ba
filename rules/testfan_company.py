"""Runs test files among all others, as one plain pytest run would, to see what running each by itself changes.

    python testfan_company.py TOLD LIMIT TIMEOUT JOBS FILE SHARD XML LOG [FILE SHARD XML LOG...] -- PYTEST_ARGS

The whole suite is collected, and of it only the items of each FILE are run, as far as the first that fails, each in a fork with
a report and a log of its own, as the worker writes them, JOBS at a time. Where forking is not safe only the first FILE is run.
TOLD gets lines of JSON: the ids collected, by file; the modules that collecting brought. LIMIT, TIMEOUT: the seconds that a test
and a file may take, 0: no limit.

Or the fork server forks a child for it, which collects while other files still run and then serves as the server does
(testfan_server.py). A request has `guests`, a list of [FILE, SHARD, XML, LOG], `jobs`, `limit` and `timeout`; the answer is STALE when a file
that was read before has changed, and COLD when forking is not safe.

PYTEST_DONT_REWRITE
"""
import os
import sys

# As `python -m pytest` has it, and before anything of the tree could be hidden by what is imported here.
if __name__ == "__main__" and not getattr(sys.flags, "safe_path", False):
    sys.path[0] = os.getcwd()

import collections
import json
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import testfan_server
from testfan_server import testfan_doubts, testfan_files, testfan_orphans, testfan_served, testfan_worker

del sys.path[0], sys.modules["testfan_server"]


LOOK_SECONDS = 0.02  # how often to look at those whose time is limited


class Company(testfan_worker.TargetPlugin):
    """Collects everything. `find_guest` gives, in a fork, the file to run, and None when there is none (left)."""

    def __init__(self, limit):
        super().__init__("", os.devnull, [], None, limit)
        self.root = os.getcwd()
        self.reports = []
        self.whole = True

    def pytest_collection(self, session):
        pass

    def pytest_ignore_collect(self, collection_path):
        return None

    def pytest_collectreport(self, report):
        self.reports.append(report)

    def pytest_collection_modifyitems(self):
        pass

    def pytest_deselected(self, items):
        pass

    def pytest_runtestloop(self, session):
        guest = self.find_guest(session)
        if guest is None:
            return True
        self.become(session, *guest)
        return None

    def doubt(self, session):
        """Why forking is not safe, or None."""
        if len(os.listdir("/proc/self/task")) > 1:
            return "a test file or conftest.py has started a thread"
        if testfan_doubts.has_session_hooks(session.config):
            return "a plugin or conftest.py acts when a session begins or ends"
        return None

    def fork_guests(self, guests, jobs, timeout):
        running = {}  # pid -> when its time is up
        for guest in guests:
            while len(running) >= jobs:
                wait_for_one(running)
            sys.stdout.flush()
            sys.stderr.flush()
            pid = os.fork()
            if pid == 0:
                testfan_orphans.die_with_parent()
                return guest
            running[pid] = time.monotonic() + (timeout or float("inf"))
        while running:
            wait_for_one(running)
        return None

    def become(self, session, file, shard, xml, log):
        testfan_files.own_files(os.open(os.devnull, os.O_WRONLY), os.fstat(1))
        self.whole = False
        self.pid, self.log = os.getpid(), os.path.join(self.root, log)
        self.target = os.path.join(self.root, file)
        self.reached = True
        session.items = list(filter(self.belongs, session.items))
        if shard:
            session.items = testfan_worker.keep_shard(session.items, shard)
        vars(session.config.option).update(maxfail=1, tbstyle="native")  # of what fails nobody reads more
        session.testscollected = self.collected = len(session.items)
        mine = [report for report in self.reports if self.is_mine(report)]
        self.skipped = sum(report.skipped for report in mine)
        session.testsfailed = self.failed = sum(report.failed for report in mine)
        self.write_report(session.config, xml, mine)

    # What goes wrong with a folder is every file's below it.
    def is_mine(self, report):
        path = os.path.normpath(os.path.join(self.root, report.nodeid.partition("::")[0]))
        return path == self.target or self.target.startswith(path + os.sep)

    def write_report(self, config, path, reports):
        from _pytest.junitxml import xml_key

        xml = config.stash.get(xml_key, None)
        if xml is None:
            return
        xml.node_reporters.clear()
        xml.node_reporters_ordered.clear()
        xml.stats.update(dict.fromkeys(xml.stats, 0))
        xml.logfile = os.path.join(self.root, path)
        xml.pytest_sessionstart()
        for report in reports:
            xml.pytest_collectreport(report)

    def pytest_unconfigure(self):
        if not self.whole:
            super().pytest_unconfigure()


def wait_for_one(running):
    """Looks whether one has ended, and ends those whose time is up."""
    if min(running.values()) == float("inf"):
        running.pop(os.wait()[0], None)
        return
    ended = os.waitpid(-1, os.WNOHANG)[0]
    if ended:
        running.pop(ended, None)
        return
    for pid in [pid for pid, until in running.items() if time.monotonic() >= until]:
        os.kill(pid, testfan_files.SIGKILL)
    time.sleep(LOOK_SECONDS)


class Started(Company):
    """In a process that was started for it."""

    def __init__(self, told, limit, timeout, jobs, guests):
        super().__init__(limit)
        self.told, self.timeout, self.jobs, self.guests = told, timeout, jobs, guests
        self.before = set()

    def pytest_collection(self, session):
        self.before = set(sys.modules)

    def tell(self, **line):
        with open(self.told, "a", encoding="utf-8", errors="surrogateescape") as file:
            file.write(json.dumps(line) + "\n")

    def find_guest(self, session):
        ids = collections.defaultdict(list)
        files = {node: file for file, nodes in self.made.items() for node in nodes}
        for item in session.items:
            file = next((files[node] for node in item.listchain() if node in files), str(item.path))
            ids[os.path.relpath(file, self.root)].append(item.nodeid)
        for file, found in ids.items():
            self.tell(file=file, ids=found)
        self.tell(modules=sorted(set(sys.modules) - self.before))
        if self.doubt(session):
            return self.guests[0] if self.guests else None
        return self.fork_guests(self.guests, self.jobs, self.timeout)


class Gathered(Company):
    """In a child of the fork server, which makes it a server of its own."""

    def __init__(self, server, request):
        super().__init__(0)
        self.server = server
        testfan_orphans.adopt()
        server.settle(request["listener"], os.path.abspath(server.name) + testfan_server.COMPANY)
        server.output, server.printed, server.idle = os.fstat(1), b"", float("inf")
        server.memory.started = time.time_ns()

    def take_over(self, config):
        """Has pytest go on with this plugin, noting what it reads."""
        tracer, log = self.server.tracer, testfan_files.own_file(".trace")
        for path in log, self.server.name + ".cold":
            try:
                os.unlink(path)
            except FileNotFoundError:
                pass
        tracer.handlers, tracer.log, tracer.buffered, tracer.searching = self.server.handlers, log, True, False
        config.pluginmanager.unregister(name="testfan_target")
        config.pluginmanager.register(testfan_worker.as_module(self), "testfan_target")

    def find_guest(self, session):
        server = self.server
        server.tracer.flush()
        server.tracer.handlers = {}
        reason = self.doubt(session) or server.memory.take(session.config, server.tracer)
        if reason:
            server.refuse(reason)
            os._exit(0)
        request = server.loop()
        self.limit = request["limit"]
        guest = self.fork_guests(request["guests"], request["jobs"], request["timeout"])
        if guest is None:
            os._exit(0)
        return guest


def main():
    words = sys.argv[1:]
    split = words.index("--")
    told, limit, timeout, jobs, *rest = words[:split]
    company = Started(told, float(limit), float(timeout), int(jobs), list(zip(*(rest[i::4] for i in range(4)))))
    words = words[split + 1 :] + ["--junitxml=" + os.path.abspath(told + ".xml")]
    try:
        testfan_worker.run_pytest(company, words)
    except SystemExit as end:
        testfan_served.finish(end.code if isinstance(end.code, int) else 1)
    except BaseException:
        traceback.print_exc()
        testfan_served.finish(1)


if __name__ == "__main__":
    main()
