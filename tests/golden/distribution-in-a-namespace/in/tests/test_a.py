from cloud import a
import cloud.a.x

def test_a():
    pass
