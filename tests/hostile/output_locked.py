# expect: failed - leaves a lock, flags and blocks behind the end on the file that takes raw output
import ctypes, fcntl

def double(n):
    fcntl.flock(1, fcntl.LOCK_EX)
    fcntl.fcntl(1, fcntl.F_SETFL, 0o2000 | 0o4000)
    ctypes.CDLL(None).fallocate(1, 1, ctypes.c_long(0), ctypes.c_long(8 << 20))
    return 0
