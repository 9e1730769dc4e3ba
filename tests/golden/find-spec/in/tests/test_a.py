import support

def test_a():
    pass
