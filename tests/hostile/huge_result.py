# expect: memory - a result too large to be sent
def double(n):
    return ["x" * 1000] * 20000
