import pytest

part = pytest.importorskip('optional.part')
