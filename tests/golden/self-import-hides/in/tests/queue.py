def f():
    import queue
