# expect: failed - a list in a list in a list, a hundred thousand times
def double(n):
    value = []
    for _ in range(100_000):
        value = [value]
    return value
