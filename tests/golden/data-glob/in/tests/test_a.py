# testfan: data=data/*.json /schema
def test_it():
    pass
