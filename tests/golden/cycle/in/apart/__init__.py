from .leaf import a
