"""Watches a Python program that a test started: goes before the program's own sitecustomize, and leaves no trace of itself.

PYTEST_DONT_REWRITE
"""
import os
import sys


def watch():
    folder = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != folder]
    told, path = os.environ.pop("TESTFAN_TRACE", None), os.environ.pop("TESTFAN_PYTHONPATH", None)
    if path is None:
        os.environ.pop("PYTHONPATH", None)
    else:
        os.environ["PYTHONPATH"] = path
    if told:
        log, root, *sites = told.split("\n")
        source = os.path.join(os.path.dirname(folder), "testfan_trace.py")
        names = {"__name__": "testfan_trace", "__file__": source}
        with open(source, "rb") as file:
            exec(compile(file.read(), source, "exec"), names)
        names["start"](log, root, sites, folder).buffered = False


def go_on():
    mine = sys.modules.pop("sitecustomize", None)
    try:
        import sitecustomize  # noqa: F401
    except ImportError as error:
        if error.name != "sitecustomize":
            raise
        sys.modules["sitecustomize"] = mine


try:
    watch()
finally:
    go_on()
