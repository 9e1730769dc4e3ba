import pkg.sub.a
def test_it():
    pass
