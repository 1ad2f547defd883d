# expect: failed - a hundred thousand objects that each want a stand-in
def double(n):
    return [object() for _ in range(100_000)]
