def test_it():
    if 1:
        from pkg.mod import x
