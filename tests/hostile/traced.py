# expect: failed - asks to be traced, and stops for a tracer
import ctypes, os, signal

def double(n):
    if ctypes.CDLL(None).ptrace(0, 0, 0, 0) == 0:
        os.kill(os.getpid(), signal.SIGSTOP)
    return 0
