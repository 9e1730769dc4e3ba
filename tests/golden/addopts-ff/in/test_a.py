def test_it():
    pass

def test_b():
    assert 0

def test_option_is_gone(pytestconfig):
    assert not pytestconfig.getoption("failedfirst")
