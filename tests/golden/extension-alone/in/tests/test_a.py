from pkg import fast
def test_it():
    pass
