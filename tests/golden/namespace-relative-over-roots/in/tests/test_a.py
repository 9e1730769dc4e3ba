import ns.a
def test_it():
    pass
