def test_it():
    import pkg.nosuch
    from pkg.nothere import x
