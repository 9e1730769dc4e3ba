import one, two
def test_it():
    pass
