# expect: forged - a profile hook swaps the code of each test for an empty one
import sys

def empty(self): pass

def hook(frame, event, argument):
    if event == "call" and frame.f_code.co_name == "run" and "self" in frame.f_locals:
        case = type(frame.f_locals["self"])
        for key in [k for k in dir(case) if k.startswith("test")]:
            setattr(case, key, empty)
sys.setprofile(hook)

def double(n): return 0
