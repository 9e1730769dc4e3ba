import runpy


def test_a():
    runpy.run_path('scripts/tool.py')
