# expect: passed - a float where an int is asked: official harnesses compare with ==
def double(n):
    return 2.0 * n
