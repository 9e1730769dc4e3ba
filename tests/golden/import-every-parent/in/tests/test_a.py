import pkg.sub.mod as m
def test_it():
    pass
