# expect: timeout - a set of numbers whose hashes collide
def double(n):
    return {number * (2 ** 61 - 1) for number in range(100_000)}
