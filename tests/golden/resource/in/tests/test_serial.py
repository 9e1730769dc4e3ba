# testfan: serial
def test_it():
    pass
