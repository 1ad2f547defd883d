# expect: error - a trace function that raises SystemExit at the next call
import sys

def tracer(*args):
    raise SystemExit(0)

def double(n):
    sys.settrace(tracer)
    return 0
