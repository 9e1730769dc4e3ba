import helper
from . import mod
def test_it():
    assert helper.WHO == "lib" and __name__ == "ns.test_a"
