# expect: error - runs a judge of its own
import sys
sys.path.insert(0, "/opt/mcode")
sys.modules.pop("candidate")

def double(n):
    import judge
    judge.main([])
