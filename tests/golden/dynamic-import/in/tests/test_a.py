import pkg.sub.deep
def test_it():
    assert pkg.h() and pkg.f("part")
