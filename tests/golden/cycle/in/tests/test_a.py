import pkg.one, apart
def test_it():
    pass
