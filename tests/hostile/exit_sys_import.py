# expect: error - sys.exit(0) before the tests begin
import sys
sys.exit(0)

def double(n):
    return 0
