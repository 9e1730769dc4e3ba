from pkg import mod
def test_it():
    pass
