# expect: timeout - stops itself with SIGSTOP
import os, signal

def double(n):
    os.kill(os.getpid(), signal.SIGSTOP)
    return 0
