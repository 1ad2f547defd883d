# expect: error - dies by a signal that has no name
import os

def double(n):
    os.kill(os.getpid(), 40)
