import unittest
class Base(unittest.TestCase):
    def test_it(self):
        pass
