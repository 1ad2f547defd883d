# expect: error - ends the process inside a C function
import ctypes

def double(n):
    ctypes.CDLL(None).exit(0)
