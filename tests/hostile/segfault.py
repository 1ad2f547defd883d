# expect: error - reads address 0
import ctypes

def double(n):
    return ctypes.string_at(0)
