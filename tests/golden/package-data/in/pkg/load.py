import os

SCHEMA = os.path.join(os.path.dirname(__file__), 'schema.json')
