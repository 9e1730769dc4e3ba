try:
    import nosuchthing
    import pkg.a
except ImportError:
    nosuchthing = None
def test_it():
    pass
