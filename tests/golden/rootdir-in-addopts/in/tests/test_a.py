import mod
def test_it():
    assert mod.__file__.endswith("lib/mod.py")
