# expect: error|forged - the loader finds no tests
import unittest
unittest.TestLoader.loadTestsFromTestCase = lambda self, case: unittest.TestSuite()
unittest.TestLoader.getTestCaseNames = lambda self, case: []

def double(n): pass
