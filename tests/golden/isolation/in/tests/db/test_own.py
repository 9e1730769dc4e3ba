# testfan: isolation=file
def test_it():
    pass
