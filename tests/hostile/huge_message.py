# expect: error - an exception with a long message, a long name and many arguments
def double(n):
    kind = type("E" * 1_000_000, (Exception,), {})
    raise kind(*["x" * 1_000_000] * 10)
