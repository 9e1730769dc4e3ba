import queue
def test_it():
    pass
