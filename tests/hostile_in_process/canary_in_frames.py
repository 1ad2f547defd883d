# expect: error|failed - searches every frame and object for the word canary
import gc, sys

def double(n):
    if n is None: raise TypeError
    frame = sys._getframe(1)
    while frame:
        names = [*frame.f_locals, *frame.f_code.co_names, *frame.f_code.co_varnames]
        if any("canary" in x or "turned" in x or "wrong" in x for x in names):
            return n * 2
        frame = frame.f_back
    return 0
