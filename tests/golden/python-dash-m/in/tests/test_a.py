import subprocess
import sys


def test_a():
    subprocess.run([sys.executable, '-m', 'pkg', '--help'], check=True)
