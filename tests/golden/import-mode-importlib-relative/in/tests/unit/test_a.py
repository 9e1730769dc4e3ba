from . import helper
def test_it():
    pass
