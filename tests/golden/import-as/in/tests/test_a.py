import a.b.c as d
from a.b import d as e
def test_it():
    pass
