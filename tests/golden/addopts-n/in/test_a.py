import os

def test_it():
    assert 'PYTEST_XDIST_WORKER' not in os.environ
