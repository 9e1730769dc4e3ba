import json
def test_it():
    pass
