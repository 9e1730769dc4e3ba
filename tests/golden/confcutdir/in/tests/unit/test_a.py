def test_it(pytestconfig):
    pass
