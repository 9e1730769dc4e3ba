from ..b import x
from .c import y
