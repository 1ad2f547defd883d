# expect: failed - an integer whose text takes for ever
def double(n):
    return 7 ** 1000000
