# testfan: together=db
# testfan: serial
import helper

def test_it():
    pass

def test_more():
    pass
