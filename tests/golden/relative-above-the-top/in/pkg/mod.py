try:
    from .. import setup
except (ImportError, ValueError):
    pass
def late():
    from .. import other
def later():
    from ...beyond import other
