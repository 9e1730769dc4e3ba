import lib.mod
import alone
import gone
def test_it():
    pass
