pytest_plugins = ['fixtures']
