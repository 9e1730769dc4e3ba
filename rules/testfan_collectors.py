"""Prints, as JSON, the files of which pytest makes tests by whatever hooks; run as `python -c` with the rootdir and pytest's arguments.

pytest goes through its folders as ever, with all conftests and plugins, but opens no file up: nothing of a test is imported. Beside
the files it prints which files of the tree were read on the way, and so decide the answer.
"""
import json
import os
import sys


class Recorder:
    def __init__(self, pytest):
        self.pytest = pytest
        self.files = set()
        self.remembered = ""

    # What pytest remembers between runs is not touched, and decides nothing.
    def pytest_configure(self, config):
        if config.pluginmanager.has_plugin("cacheprovider"):
            self.remembered = os.path.join(config.rootpath, config.getini("cache_dir"), "")
        for name in ("lfplugin", "nfplugin", "stepwiseplugin"):
            plugin = config.pluginmanager.get_plugin(name)
            if plugin is not None:
                config.pluginmanager.unregister(plugin)

    def pytest_make_collect_report(self, collector):
        if not isinstance(collector, self.pytest.File) or isinstance(collector, self.pytest.Package):
            return None
        self.files.add(str(collector.path))
        return self.pytest.CollectReport(collector.nodeid, "passed", None, [])

    # A hook may give a test at once, and no collector of tests.
    def pytest_collect_file(self, file_path):
        made = yield
        if made.excinfo is None and any(isinstance(node, self.pytest.Item) for node in made.get_result()):
            self.files.add(str(file_path))

    def inputs(self, paths):
        return {path for path in paths if not self.remembered or not path.startswith(self.remembered)}


def hooked(recorder):
    hookimpl = recorder.pytest.hookimpl
    hookimpl(tryfirst=True)(Recorder.pytest_make_collect_report)
    hookimpl(trylast=True)(Recorder.pytest_configure)
    hookimpl(hookwrapper=True)(Recorder.pytest_collect_file)
    return recorder


def watch(opened):
    def hook(event, args):
        if event == "open" and isinstance(args[0], str) and not (args[2] or 0) & (os.O_WRONLY | os.O_RDWR):
            opened.add(os.path.abspath(args[0]))

    sys.addaudithook(hook)


def source_files():
    return {os.path.abspath(getattr(module, "__file__", None) or "") for module in list(sys.modules.values())}


def in_tree(root, paths):
    """Relative to it; without what is installed below it, or made by running."""
    for path in sorted(paths):
        name = os.path.relpath(path, root)
        installed = path.startswith(os.path.join(sys.prefix, ""))
        made = {".testfan", "__pycache__", ".git"} & set(name.split(os.sep))
        if not name.startswith("..") and not installed and not made and os.path.isfile(path):
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
    opened = set()
    if hasattr(sys, "addaudithook"):
        watch(opened)
    import pytest

    recorder = hooked(Recorder(pytest))
    status = int(pytest.main(args + ["--collect-only", "-qq"], plugins=[recorder]))
    told = {
        "status": status,
        "files": list(in_tree(root, recorder.files)),
        "read": list(in_tree(root, recorder.inputs(opened | source_files()))),
    }
    os.write(answer, json.dumps(told, ensure_ascii=False).encode("utf-8", "surrogateescape"))


main()
