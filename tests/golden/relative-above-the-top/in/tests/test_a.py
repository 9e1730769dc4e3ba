import pkg.mod
def test_it():
    pass
