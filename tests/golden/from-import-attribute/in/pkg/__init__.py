from .mod import B
