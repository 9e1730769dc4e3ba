__all__ = ("one", )
__all__ += ("two", )
__all__ = __all__ + (
    "four",  # isn't "five"
    "six",
)
