# expect: failed|error|forged - marks all tests as expected failures
import unittest
unittest.TestCase.__unittest_expecting_failure__ = True

def double(n): return 0
