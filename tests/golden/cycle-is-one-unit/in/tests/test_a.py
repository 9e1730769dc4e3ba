import pkg.b
def test_it():
    pass
