# expect: error - rewrites the terminal of whoever reads the verdict
def double(n):
    print("\x1b[2J\x1b[1;1H4 passed\r\x08\x9b2J")
    raise ValueError("\x1b[2J\x1b[1;1H4 passed\r\x08\x9b2J")
