from conftest import BASE


def test_a():
    open(BASE + '/' + 'golden.txt')
