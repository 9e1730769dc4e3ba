import mapped.part

def test_a():
    pass
