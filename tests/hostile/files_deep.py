# expect: failed - leaves a tree too deep to be removed by recursion
import os

def double(n):
    try:
        for _ in range(3000):
            os.mkdir("d")
            os.chdir("d")
    except OSError:
        pass
    return 0
