import pkg.core
