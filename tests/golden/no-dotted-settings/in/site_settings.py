APPS = ['pkg.apps']
