from pkg import *
def test_it():
    one, two, four, six
