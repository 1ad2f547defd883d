# expect: failed - children that nobody waits for, until there can be no more
import os

def double(n):
    try:
        for _ in range(1000):
            if os.fork() == 0:
                os._exit(0)
    except OSError:
        pass
    return 0
