"""Compare with notes.txt and pkg.mod."""

# notes.txt


def test_a():
    "notes.txt is not read"
