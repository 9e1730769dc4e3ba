import one
def test_it():
    pass
