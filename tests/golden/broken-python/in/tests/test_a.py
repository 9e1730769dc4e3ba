import pkg.bad
def test_it():
    pass
