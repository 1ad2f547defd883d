# expect: forged - announces a frame of four gigabytes
import os

def double(n):
    for number in range(3, 64):
        try:
            os.write(number, b"\xff\xff\xff\xff")
        except OSError:
            pass
    return 0
