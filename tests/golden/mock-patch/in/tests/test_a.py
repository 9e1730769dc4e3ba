from unittest import mock

@mock.patch("pkg.mod.Class.method")
def test_it(m):
    pass
