import a.b
def test_it():
    pass
