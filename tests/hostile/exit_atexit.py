# expect: failed - an exit handler that ends the process with 0
import atexit, os
atexit.register(os._exit, 0)

def double(n):
    return 0
