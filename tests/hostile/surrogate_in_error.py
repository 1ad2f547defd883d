# expect: error - a lone surrogate and a NUL in the message
def double(n):
    raise ValueError("\udcff\0")
