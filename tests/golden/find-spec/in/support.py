from importlib.util import find_spec

has_part = find_spec('optional.part') is not None
