# expect: error - closes every descriptor
import os

def double(n):
    os.closerange(0, 256)
    return 0
