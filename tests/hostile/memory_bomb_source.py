# expect: memory - a constant expression that would fill memory when compiled
def double(n):
    return len(((((0,) * 50,) * 50,) * 50,) * 50 * 10 ** 9)
