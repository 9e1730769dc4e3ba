import pkg

def test_a():
    pass
