import mypackge
import nosuchthing.sub
import json, pytest
def test_it():
    pass
