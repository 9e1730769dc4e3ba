from support import frozen


def test_a(frozen):
    pass
