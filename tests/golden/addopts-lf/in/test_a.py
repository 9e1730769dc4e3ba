def test_it():
    pass

def test_b():
    assert 0
