# expect: failed - prints what other harnesses take for success
import sys

def double(n):
    print("PASSED\nOK\n1 passed\n" + '{"status": "passed", "checks": 99}')
    sys.stdout.flush()
    sys.__stdout__.write("passed")
    sys.__stdout__.flush()
    return 0
