def f():
    from .three import x
