# expect: failed|error - an exit handler prints success
import atexit, os
atexit.register(lambda: (print("OK"), os._exit(0)))

def double(n): return 0
