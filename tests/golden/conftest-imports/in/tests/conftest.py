import fixtures
