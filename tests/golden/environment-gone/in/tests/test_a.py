import pkg.mod
import json
def test_it():
    pass
