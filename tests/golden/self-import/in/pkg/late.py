def f():
    import pkg.late
