from pathlib import Path

HERE = Path(__file__).parent / 'samples'

def test_a():
    pass
