# expect: passed - prints a lot and is right: official harnesses do not care
def double(n):
    for _ in range(2000):
        print("x" * 1000)
    return 2 * n
