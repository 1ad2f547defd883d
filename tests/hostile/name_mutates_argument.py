# expect: failed - changes its argument instead of returning
def double(n):
    n = 2 * n
