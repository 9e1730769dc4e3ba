__all__ = ["one", "x"]
