import part
def f():
    """
    >>> from extra import g
    >>> f() == g()
    True
    """
    return 1
