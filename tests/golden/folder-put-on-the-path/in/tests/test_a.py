def test_a(apps):
    import shop

    assert shop
