# expect: timeout - one call that stays in C for ages
def double(n):
    return sum(range(10 ** 14))
