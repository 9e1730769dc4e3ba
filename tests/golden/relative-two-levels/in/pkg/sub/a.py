from ..b import x
