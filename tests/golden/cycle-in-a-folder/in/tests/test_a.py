import old.a, new.a
def test_it():
    pass
