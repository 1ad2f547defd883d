# expect: failed - a lone surrogate and a NUL in the result and on the output
def double(n):
    print("\ud800\0")
    return "\udcff\0\ud800\udc00"
