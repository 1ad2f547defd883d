# expect: failed - returns True where 1 would do and 4 is asked
def double(n):
    return True
