"""Prints, as JSON, the files of which pytest makes tests by whatever hooks; run as `python -c` with the rootdir and pytest's arguments.

pytest goes through its folders as ever, with all conftests and plugins, but opens no file up: nothing of a test is imported. Beside
the files it prints what was read on the way, files of the tree and environment variables, and so decides the answer; whether a
program was started, of which nothing is known; and tests that belong to no file.
"""
import json
import os
import sys

READING = os.O_RDONLY, os.O_RDWR
STARTING = {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork"}
OF_A_TERMINAL = {"COLUMNS", "LINES", "TERM", "NO_COLOR", "FORCE_COLOR", "PY_COLORS"}


class Recorder:
    def __init__(self, pytest, root):
        self.pytest, self.root = pytest, root
        self.files, self.loose = set(), set()
        self.made = {}  # what pytest_collect_file gave -> the file it was asked for
        self.remembered = ""
        self.failed = False

    # What pytest remembers between runs is not touched, and decides nothing.
    def pytest_configure(self, config):
        for name in ("lfplugin", "nfplugin", "stepwiseplugin"):
            plugin = config.pluginmanager.get_plugin(name)
            if plugin is not None:
                config.pluginmanager.unregister(plugin)
        if config.pluginmanager.has_plugin("cacheprovider"):
            self.remembered = os.path.join(str(config.rootpath), config.getini("cache_dir"), "")
        self.plugins = [getattr(plugin, "__file__", None) for plugin in config.pluginmanager.get_plugins()]

    # Of a test only its file can be found: none is opened up.
    def pytest_collection(self, session):
        session.config.args = [str(word).partition("::")[0] for word in session.config.args]

    def pytest_collect_file(self, file_path):
        made = yield
        if made.excinfo is not None:
            self.files.add(str(file_path))
            return
        for nodes in made.get_result():
            self.made.update(dict.fromkeys(nodes if isinstance(nodes, list) else [nodes], str(file_path)))

    def pytest_make_collect_report(self, collector):
        if not isinstance(collector, self.pytest.File) or isinstance(collector, self.pytest.Package):
            return None
        if collector in self.made:
            self.files.add(self.made[collector])
        else:
            self.take_unasked(collector)
        return self.pytest.CollectReport(collector.nodeid, "passed", None, [])

    # A folder of a plugin's own may give files as it likes.
    def take_unasked(self, collector):
        above = os.path.join(str(collector.parent.path), "")
        if str(collector.path).startswith(above):
            self.files.add(str(collector.path))
        else:
            self.loose.add(collector.nodeid)

    def pytest_itemcollected(self, item):
        files = [self.made[node] for node in item.listchain() if node in self.made]
        self.files.update(files)
        if not files:
            self.loose.add(item.nodeid)

    # What goes wrong with a folder is told by the target of its conftest.py, which has to pass through it.
    def pytest_collectreport(self, report):
        if report.outcome != "passed":
            self.failed = True
            self.files.add(os.path.join(self.root, report.nodeid, "conftest.py"))

    def pytest_runtestloop(self):
        return True

    def inputs(self, paths):
        files = {os.path.abspath(file) for file in self.plugins if file}
        return {path for path in files | paths if not self.remembered or not path.startswith(self.remembered)}


def hooked(recorder):
    hookimpl = recorder.pytest.hookimpl
    for name in "pytest_collection", "pytest_make_collect_report", "pytest_runtestloop":
        hookimpl(tryfirst=True)(getattr(Recorder, name))
    hookimpl(trylast=True)(Recorder.pytest_configure)
    hookimpl(hookwrapper=True)(Recorder.pytest_collect_file)
    return recorder


class Watch:
    def __init__(self):
        self.opened, self.variables, self.started = set(), set(), False
        if hasattr(sys, "addaudithook"):
            sys.addaudithook(self.note)
        for name in "__getitem__", "__contains__":
            self.wrap(name)

    def note(self, event, args):
        if event == "open" and isinstance(args[0], (str, bytes)) and (args[2] or 0) & os.O_ACCMODE in READING:
            self.opened.add(source_of(os.path.abspath(os.fsdecode(args[0]))))
        elif event in STARTING:
            self.started = True

    def wrap(self, name):
        look = getattr(type(os.environ), name)

        def noted(environ, key):
            if environ is os.environ and isinstance(key, str):
                self.variables.add(key)
            return look(environ, key)

        setattr(type(os.environ), name, noted)

    def told(self):
        ours = {name for name in self.variables if name.startswith("PYTEST_") or name in OF_A_TERMINAL}
        return {name: os.environ.get(name) for name in sorted(self.variables - ours)}


def source_of(path):
    """PEP 3147."""
    folder, name = os.path.split(path)
    if os.path.basename(folder) == "__pycache__" and name.endswith(".pyc"):
        return os.path.join(os.path.dirname(folder), name.split(".")[0] + ".py")
    return path


def source_files():
    return {os.path.abspath(getattr(module, "__file__", None) or "") for module in list(sys.modules.values())}


def in_tree(root, paths):
    """Relative to it; without what is installed below it, or made by running."""
    for path in sorted(paths):
        name = os.path.relpath(path, root)
        left_out = {".testfan", "__pycache__", ".git", "site-packages", "dist-packages"} & set(name.split(os.sep))
        if name != os.pardir and not name.startswith(os.pardir + os.sep) and not left_out and os.path.isfile(path):
            yield os.fsencode(name).decode("utf-8", "surrogateescape")


def main():
    root, *args = sys.argv[1:]
    answer = os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for fd in 0, 1, 2:
        os.dup2(nothing, fd)
    os.chdir(root)
    if not getattr(sys.flags, "safe_path", False):
        sys.path[0] = root
    os.environ["PWD"] = root
    sys.argv[1:] = args
    watch = Watch()
    import pytest

    recorder = hooked(Recorder(pytest, root))
    status = int(pytest.main(list(args), plugins=[recorder]))
    told = {
        "status": 0 if status in (0, 1, 5) or (status == 2 and recorder.failed) else status or 3,
        "files": list(in_tree(root, recorder.files)),
        "loose": sorted(recorder.loose),
        "read": list(in_tree(root, recorder.inputs(watch.opened | source_files()))),
        "variables": {name: value for name, value in watch.told().items() if value is None or value.isprintable()},
        "lasts": not watch.started,
    }
    os.write(answer, json.dumps(told, ensure_ascii=False).encode("utf-8", "surrogateescape"))


main()
