# expect: memory - files in memory hold more than there is, and no process seems to
import os

def double(n):
    while True:
        file = os.memfd_create("x")
        for _ in range(7):
            os.write(file, b"x" * (1 << 20))
