# expect: failed - an import hook and a patched importer
import sys

class Finder:
    def find_spec(self, *args):
        raise SystemExit(0)

sys.meta_path.insert(0, Finder())
__builtins__["__import__"] = lambda *a, **k: sys

def double(n):
    return 0
