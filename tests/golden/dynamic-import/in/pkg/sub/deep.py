import importlib
importlib.import_module("..upper", package=__package__)
