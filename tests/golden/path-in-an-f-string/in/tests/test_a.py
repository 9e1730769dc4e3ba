import os

here = os.path.dirname(__file__)


def test_a():
    open(f'{here}/in/case.yaml')
