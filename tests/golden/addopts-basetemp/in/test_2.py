def test_it(tmp_path):
    pass
