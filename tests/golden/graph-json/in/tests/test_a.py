try:
    import certainly_not_installed
except ImportError:
    pass
import helper

def test_a():
    pass
