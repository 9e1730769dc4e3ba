import ns.mod
def test_it():
    assert ns.mod.WHO == "two"
