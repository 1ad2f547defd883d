# expect: error|memory|timeout - recursion without end and without a limit
import sys
sys.setrecursionlimit(10 ** 9)

def double(n):
    return max([double(n)], key=lambda x: double(n))
