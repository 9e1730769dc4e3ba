try:
    import not_yet_there
except ImportError:
    pass

def test_a():
    pass
