# testfan: data=/test /all
def test_it():
    pass
