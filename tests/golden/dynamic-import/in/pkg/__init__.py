from importlib import import_module
def f(name):
    return import_module("pkg." + name)
def g(name):
    return __import__(name)
def h():
    return import_module(".part", __name__)
