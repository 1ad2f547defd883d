# expect: failed - nan in a list, where identity would make two of them equal
def double(n):
    return [float("nan")]
