# expect: error - maps anonymous memory until there is no more
import mmap

def double(n):
    held = []
    while True:
        held.append(mmap.mmap(-1, 1 << 24))
