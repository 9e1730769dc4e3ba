from pkg import *
def test_it():
    pass
