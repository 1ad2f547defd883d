# expect: failed - sys.modules is full of impostors
import sys

class Impostor:
    def __getattr__(self, name): return lambda *a, **k: True

for name in ("json", "marshal", "math", "unittest", "operator", "judge", "worker"):
    sys.modules[name] = Impostor()

def double(n):
    return 0
