# expect: error - recursion without end
def double(n):
    return double(n)
