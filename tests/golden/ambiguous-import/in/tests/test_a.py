import mod
def test_it():
    pass
