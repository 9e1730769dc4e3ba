APPS = ['pkg.apps.first', 'pkg.short']
