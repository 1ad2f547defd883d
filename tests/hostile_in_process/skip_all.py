# expect: error|forged - every test is skipped by the program
import unittest

def double(n):
    raise unittest.SkipTest("nothing to see")
