# expect: forged - writes nonsense on every descriptor
import os

def double(n):
    for number in range(3, 64):
        try:
            os.write(number, b"\x04\0\0\0}}}}")
        except OSError:
            pass
    return 0
