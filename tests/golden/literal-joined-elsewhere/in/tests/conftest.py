import os

BASE = os.path.abspath('.')
