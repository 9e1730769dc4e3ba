import ns.a
from ns import b
def test_it():
    pass
