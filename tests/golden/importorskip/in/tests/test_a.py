import pytest

part = pytest.importorskip('optional.part')

def test_a():
    pass
