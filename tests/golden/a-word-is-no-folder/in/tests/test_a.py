def test_a():
    assert 'samples' != 'x'
