# expect: timeout - catches whatever should stop it
def double(n):
    while True:
        try:
            while True:
                pass
        except BaseException:
            continue
