import pkg.mod, pkg.late
def test_it():
    pass
