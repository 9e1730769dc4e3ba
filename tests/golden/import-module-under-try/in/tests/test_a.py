import loader

def test_a():
    pass
