# testfan: data=nosuch/*.json
def test_it():
    pass
