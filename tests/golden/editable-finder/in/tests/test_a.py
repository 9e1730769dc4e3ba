import demo.mod
import single
from space import part
from virtual.part import leaf
def test_it():
    pass
