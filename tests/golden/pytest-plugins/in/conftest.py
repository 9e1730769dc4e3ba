pytest_plugins = ["plugs.one", "plugs.two"]
