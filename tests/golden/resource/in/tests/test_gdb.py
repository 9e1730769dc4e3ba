# testfan: resource=db
def test_it():
    pass
