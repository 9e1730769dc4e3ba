helper = __import__('helper')

def test_a():
    pass
