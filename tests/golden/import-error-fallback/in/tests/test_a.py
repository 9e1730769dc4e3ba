try:
    from pkg import fast as impl
except ImportError:
    from pkg import slow as impl
else:
    import pkg.extra
finally:
    import pkg.last
def test_it():
    pass
