import even.part

def test_a():
    pass
