from . import a, leaf
