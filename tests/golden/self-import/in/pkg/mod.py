import pkg.mod
from pkg.mod import x
from .mod import x
from . import mod
