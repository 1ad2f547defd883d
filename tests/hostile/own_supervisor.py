# expect: failed - runs the supervisor's own functions
import sys
sys.path.insert(0, "/opt/mcode")

def double(n):
    import supervisor
    supervisor.empty_tmp()
    supervisor.reap(0)
    return 0
