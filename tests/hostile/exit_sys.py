# expect: error - sys.exit(0) while the tests run looks like a clean end
import sys

def double(n):
    sys.exit(0)
