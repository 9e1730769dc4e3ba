import typing as t
if t.TYPE_CHECKING:
    from pkg import a
else:
    from pkg import b
if not t.TYPE_CHECKING:
    from pkg import c
def test_it():
    pass
