_LAZY = {'Eager': '.eager', 'Other': 'other'}


def __getattr__(name):
    import importlib

    return importlib.import_module(_LAZY[name], __name__)
