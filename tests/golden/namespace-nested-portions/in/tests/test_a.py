from ns.sub import mod
from ns import other
def test_it():
    assert mod.WHO == "two"
