def test_a():
    open('shared/input.csv')
