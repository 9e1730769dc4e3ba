"""Runs test files among all others, as one plain pytest run would, to see what running each by itself changes.

    python testfan_company.py TOLD LIMIT FILE SHARD XML LOG [FILE SHARD XML LOG...] -- PYTEST_ARGS

The whole suite is collected, and of it only the items of each FILE are run, each in a fork with a report and a log of its own, as
the worker writes them. Where forking is not safe only the first FILE is run. TOLD gets lines of JSON: the ids collected, by file;
the modules that collecting brought. LIMIT: the seconds that a test may take, 0: no limit.

PYTEST_DONT_REWRITE
"""
import os
import sys

# As `python -m pytest` has it, and before anything of the tree could be hidden by what is imported here.
if not getattr(sys.flags, "safe_path", False):
    sys.path[0] = os.getcwd()

import collections
import json
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import testfan_server
from testfan_server import testfan_doubts, testfan_orphans, testfan_worker

del sys.path[0], sys.modules["testfan_server"]


class Company(testfan_worker.TargetPlugin):
    __doc__ = __doc__

    def __init__(self, told, limit, wanted):
        super().__init__("", os.devnull, [], None, limit)
        self.told, self.wanted = told, wanted
        self.output = os.fstat(1)
        self.before = set()
        self.reports = []
        self.whole = True

    def tell(self, **line):
        with open(self.told, "a", encoding="utf-8", errors="surrogateescape") as file:
            file.write(json.dumps(line) + "\n")

    def pytest_collection(self, session):
        self.before = set(sys.modules)

    def pytest_ignore_collect(self, collection_path):
        return None

    def pytest_collectreport(self, report):
        self.reports.append(report)

    def pytest_collection_modifyitems(self, items):
        pass

    def pytest_deselected(self, items):
        pass

    def pytest_runtestloop(self, session):
        ids = collections.defaultdict(list)
        for item in session.items:
            ids[os.path.relpath(str(item.path), os.getcwd())].append(item.nodeid)
        for file, found in ids.items():
            self.tell(file=file, ids=found)
        self.tell(modules=sorted(set(sys.modules) - self.before))
        alone = len(os.listdir("/proc/self/task")) > 1 or testfan_doubts.has_session_hooks(session.config)
        for target in self.wanted if not alone else []:
            sys.stdout.flush()
            sys.stderr.flush()
            pid = os.fork()
            if pid == 0:
                self.become(session, *target)
                return None
            os.waitpid(pid, 0)
        if alone and self.wanted:
            self.become(session, *self.wanted[0])
            return None
        return True

    def become(self, session, file, shard, xml, log):
        testfan_orphans.die_with_parent()
        testfan_server.own_files(os.open(os.devnull, os.O_WRONLY), self.output)
        self.whole = False
        self.pid, self.log = os.getpid(), os.path.abspath(log)
        self.target = os.path.join(os.getcwd(), file)
        self.reached = True
        session.items = [item for item in session.items if str(item.path) == self.target]
        if shard:
            session.items = testfan_worker.keep_shard(session.items, shard)
        session.testscollected = self.collected = len(session.items)
        mine = [report for report in self.reports if self.is_mine(report)]
        self.skipped = sum(report.skipped for report in mine)
        session.testsfailed = self.failed = sum(report.failed for report in mine)
        self.write_report(session.config, xml, mine)

    def is_mine(self, report):
        return os.path.join(os.getcwd(), report.nodeid.partition("::")[0]) == self.target

    def write_report(self, config, path, reports):
        from _pytest.junitxml import xml_key

        xml = config.stash.get(xml_key, None)
        if xml is None:
            return
        xml.node_reporters.clear()
        xml.node_reporters_ordered.clear()
        xml.stats.update(dict.fromkeys(xml.stats, 0))
        xml.logfile = os.path.abspath(path)
        xml.pytest_sessionstart()
        for report in reports:
            xml.pytest_collectreport(report)

    def pytest_unconfigure(self):
        if not self.whole:
            super().pytest_unconfigure()


def main():
    words = sys.argv[1:]
    split = words.index("--")
    told, limit, *rest = words[:split]
    wanted = list(zip(*(rest[i::4] for i in range(4))))
    company = Company(told, float(limit), wanted)
    words = words[split + 1 :] + ["--junitxml=" + os.path.abspath(told + ".xml")]
    try:
        testfan_worker.run_pytest(company, words)
    except SystemExit as end:
        testfan_server.finish(end.code if isinstance(end.code, int) else 1)
    except BaseException:
        traceback.print_exc()
        testfan_server.finish(1)


if __name__ == "__main__":
    main()
