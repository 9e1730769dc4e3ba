def test_a(datadir):
    pass
