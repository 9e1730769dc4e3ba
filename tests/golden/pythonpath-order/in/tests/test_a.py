import mod
def test_it():
    assert mod.WHO == 2
