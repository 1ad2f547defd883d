# expect: error - the tests' own exception, raised by the program
def double(n):
    raise AssertionError
