import importlib
try:
    fast = importlib.import_module('pkg.fast')
except ImportError:
    fast = None

def test_a():
    pass
