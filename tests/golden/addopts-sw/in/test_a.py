def test_b():
    assert 0

def test_it():
    pass
