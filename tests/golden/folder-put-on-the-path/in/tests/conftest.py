import os

import pytest


@pytest.fixture
def apps(monkeypatch):
    monkeypatch.syspath_prepend(os.path.join(os.path.dirname(__file__), 'apps'))
