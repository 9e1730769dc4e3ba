import pkg.load

def test_a():
    pass
