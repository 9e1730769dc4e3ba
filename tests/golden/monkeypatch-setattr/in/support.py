import pytest


@pytest.fixture
def frozen(monkeypatch):
    monkeypatch.setattr('pkg.clock.now', lambda: 2)
