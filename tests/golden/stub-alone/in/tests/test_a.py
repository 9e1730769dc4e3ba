import pkg.made
def test_it():
    pass
