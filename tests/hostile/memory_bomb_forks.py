# expect: timeout - many processes that eat all memory together
import os, time

def double(n):
    for _ in range(20):
        if os.fork() == 0:
            eaten = []
            while True:
                try:
                    eaten.append(b"x" * (1 << 22))
                except MemoryError:
                    time.sleep(0.1)
    time.sleep(20)
    return 0
