# expect: passed - an honest answer that prints what looks like a verdict
def double(n):
    print("FAILED (failures=1)")
    return n * 2
