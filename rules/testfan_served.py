"""What the fork server has pytest run: it serves in place of collecting, and in a child goes on with the file that was asked for.

PYTEST_DONT_REWRITE
"""
import atexit
import os
import sys
import threading
import time
import traceback

import testfan_doubts
import testfan_session
import testfan_worker

# What pytest imports anyway when it is configured.
SOON_IMPORTED = ("faulthandler", "pdb")


class ServedTarget(testfan_worker.TargetPlugin):
    def __init__(self, server, words):
        super().__init__("", os.devnull, [], server.tracer, 0)
        self.server, self.words = server, words
        self.served = self.gathers = False
        self.sharing = None

    def pytest_cmdline_main(self, config):
        from _pytest import main

        main._main = lambda *words: testfan_session.main(self, *words)
        if testfan_doubts.has_session_hooks(config):
            for name in SOON_IMPORTED:
                __import__(name)
            self.serve(config)

    def pytest_collection(self, session):
        if not self.served:
            self.serve(session.config)
            start_again(session.config)
        if not self.gathers:
            super().pytest_collection(session)

    def pytest_collect_directory(self):
        made = yield
        if self.sharing is not None and made.get_result() is not None:
            made.force_result(self.sharing.keep_node(made.get_result()))

    def serve(self, config):
        request = self.server.serve(config)
        self.served = True
        if "gather" in request:
            self.gathers = True
            self.server.gather_all(request, config)
            return
        tracer = self.server.tracer
        if request["trace"] or request["share"]:
            tracer.handlers = self.server.handlers
            tracer.log = os.path.abspath(request["trace"])
            tracer.buffered = True
            tracer.pending = [os.fsdecode(self.server.memory.records[:-1])] if self.server.memory.records else []
        if request["share"]:
            self.sharing = testfan_session.Sharing(self, self.server, request)
        self.take(config, request)

    def take(self, config, request, count=0):
        """The file that the request names is the next to run, after `count` others."""
        needs_init, tracer = self.needs_init, self.server.tracer if request["trace"] else None
        super().__init__(request["file"], request["log"], request["nodes"], tracer, request["limit"], request["before"], request["shard"])
        self.needs_init = needs_init
        if request["timeout"] > 0:
            self.heed_time()
        if count:
            self.write(e="shared", after=count)
        self.tell(config, request)
        if count:
            testfan_session.restart_report(config, request["xml"])

    def tell(self, config, request):
        args = self.words + request["args"]
        testfan_worker.tell_arguments(args)
        values = {"xmlpath": request["xml"]}
        if request["maxfail"]:
            values["maxfail"] = request["maxfail"]
        for namespace in config.option, config.known_args_namespace:
            vars(namespace).update(values)
        told = config.invocation_params
        config.invocation_params = type(told)(args=tuple(sys.argv[1:]), plugins=told.plugins, dir=told.dir)


def start_again(config):
    """The session began in the server: its report and its times are this target's own."""
    report = testfan_worker.name_report(config)
    if report is not None:
        report.pytest_sessionstart()
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if hasattr(terminal, "_session_start"):
        terminal._session_start = type(terminal._session_start)()
    elif hasattr(terminal, "_sessionstarttime"):
        terminal._sessionstarttime = time.time()


def finish(status):
    """Ends as the interpreter does, but for taking everything apart."""
    try:
        threading._shutdown()
        atexit._run_exitfuncs()
    except BaseException:
        traceback.print_exc()
    for file in sys.stdout, sys.stderr:
        try:
            file.flush()
        except Exception:
            pass
    os._exit(status)


def run(plugin, words):
    """The exit status of pytest, as the interpreter would make it."""
    try:
        testfan_worker.run_pytest(plugin, words)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return (end.code or 0) & 0xFF
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0
