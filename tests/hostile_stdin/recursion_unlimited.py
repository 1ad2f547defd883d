# expect: error|memory|timeout - overflows the C stack
import sys
sys.setrecursionlimit(10 ** 9)
def f(): f()
f()
