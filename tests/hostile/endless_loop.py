# expect: timeout - never returns
def double(n):
    while True:
        pass
