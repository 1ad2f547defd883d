# expect: error - ends a generator of the tests, if there were one
def double(n):
    raise StopIteration(4)
