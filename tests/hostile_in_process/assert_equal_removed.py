# expect: failed|error|forged - assertEqual does nothing, the rest is guessed
import unittest
unittest.TestCase.assertEqual = lambda self, *a, **k: None

class Any:
    def __eq__(self, other): return True

def double(n):
    if n is None: raise TypeError
    return Any()
