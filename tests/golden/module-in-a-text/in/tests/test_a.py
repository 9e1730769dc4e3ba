def test_a():
    text = """
    <%namespace name='x' module='pkg.sub'/>
    """
    assert text
