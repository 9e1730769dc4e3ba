from pkg.mod import x
def test_it():
    pass
