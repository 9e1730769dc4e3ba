from tree import mod
from tree.sub.leaf import *
from .sub import leaf
def test_it():
    pass
