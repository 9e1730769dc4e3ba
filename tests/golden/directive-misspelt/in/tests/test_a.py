# testfan: seral
# testfan: resource=a b
# testfan: serial=yes
# testfan: data=
# testfan: whatever
def test_it():
    pass
