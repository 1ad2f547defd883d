# expect: error - pretends to have used up its time
import os, signal

def double(n):
    os.kill(os.getpid(), signal.SIGXCPU)
