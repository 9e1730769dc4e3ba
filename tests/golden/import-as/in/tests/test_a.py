try:
    import a.b.c as d
except ImportError:
    d = None
def test_it():
    assert d is None
