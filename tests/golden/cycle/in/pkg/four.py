from .two import z
from .three import x
