# expect: forged|failed|error - the method is called with every exception swallowed
import unittest
def call(self, method):
    try: method()
    except BaseException: pass
unittest.TestCase._callTestMethod = call

def double(n): raise KeyError
