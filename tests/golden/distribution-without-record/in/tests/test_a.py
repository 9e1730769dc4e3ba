import loose
import stray

def test_a():
    pass
