def test_a(monkeypatch):
    monkeypatch.setattr('pkg.clock.now', lambda: 2)
