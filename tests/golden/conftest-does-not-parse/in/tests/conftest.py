import before
def broken(:
    pass
import after
