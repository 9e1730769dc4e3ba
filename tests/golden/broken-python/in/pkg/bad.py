import pkg.mod
def (:
