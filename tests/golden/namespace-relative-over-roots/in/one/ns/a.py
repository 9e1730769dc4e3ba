from . import b
from .sub.c import x
