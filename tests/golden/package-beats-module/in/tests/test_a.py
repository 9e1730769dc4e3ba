import thing
def test_it():
    pass
