# expect: failed - objects of classes with long names
def double(n):
    return [type("C" * 100_000 + str(i), (), {})() for i in range(300)]
