import pkg.sub.mod as m

try:
    import pkg.sub.compiled
except ImportError:
    pass
def test_it():
    pass
