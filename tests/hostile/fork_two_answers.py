# expect: failed - parent and child both answer
import os

def double(n):
    os.fork()
    return 0
