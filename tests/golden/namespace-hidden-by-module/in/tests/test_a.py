from ns import mod
def test_it():
    assert mod == "an attribute"
