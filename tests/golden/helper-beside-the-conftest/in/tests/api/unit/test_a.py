import helper
def test_it():
    assert helper.WHO == "beside"
