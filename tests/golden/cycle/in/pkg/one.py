from . import two
import pkg.three
