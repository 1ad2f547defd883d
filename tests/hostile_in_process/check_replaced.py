# expect: forged|failed|error - puts a context that swallows all in the place of the check
import sys

class Quiet:
    def __enter__(self): return self
    def __exit__(self, *a): return True

def double(n):
    frame = sys._getframe(1)
    frame.f_globals["__mcode_check__"] = lambda number: Quiet()
    return 0
