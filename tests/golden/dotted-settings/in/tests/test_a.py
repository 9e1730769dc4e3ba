import site_settings

def test_a():
    pass
