import fast.both
from fast import alone

def test_a():
    pass
