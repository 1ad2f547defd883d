# expect: failed - files of a terabyte that hold nothing
def double(n):
    for number in range(9):
        try:
            with open(f"/tmp/{number}", "wb") as file:
                file.truncate(1 << 40)
        except OSError:
            pass
    return 0
