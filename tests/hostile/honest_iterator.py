# expect: failed - a generator is not the value it yields
def double(n):
    yield 2 * n
