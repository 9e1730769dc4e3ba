import pkg.a
def test_it():
    pass
