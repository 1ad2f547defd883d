# expect: failed - rewrites the terminal with a class's name and a result
def double(n):
    print("\x1b[2J\x1b[1;1H4 passed\x07")
    return type("\x1b[2J\x1b[1;1H4 passed\x07", (), {})()
