# expect: passed - an honest answer that brings tests of its own along
import unittest

def double(n):
    return n * 2

class TestDouble(unittest.TestCase):
    def test_wrong(self):
        self.assertEqual(double(1), 3)

if __name__ == "__main__":
    unittest.main()
