# expect: failed - an excepthook that turns a failure into exit status 0
import os, sys
sys.excepthook = lambda *args: os._exit(0)
sys.unraisablehook = lambda *args: os._exit(0)

def double(n):
    return 0
