from pkg import B
def test_it():
    pass
