import importlib

def test_it():
    importlib.import_module("pkg.lazy")
