def test_a(shared_datadir):
    assert (shared_datadir / 'x').exists()
