# expect: failed - runs the supervisor's own functions
import sys
sys.path.insert(0, "/opt/mcode")

def double(n):
    import clearing
    for call in (clearing.empty_tmp, clearing.renew_output, lambda: clearing.reap(0)):
        try:
            call()
        except OSError:
            pass
    return 0
