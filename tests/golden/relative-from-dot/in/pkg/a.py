from . import b, missing
