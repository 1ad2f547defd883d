# expect: failed|forged - parent and child both answer
import os

def double(n):
    os.fork()
    return 0
