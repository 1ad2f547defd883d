# expect: error|memory - recursion without end and without a limit
# two verdicts: which is met first, the end of the C stack or of the memory, depends on the version of
# CPython, and Docker's image may have another than bubblewrap
import sys
sys.setrecursionlimit(10 ** 9)

def double(n):
    return max([double(n)], key=lambda x: double(n))
