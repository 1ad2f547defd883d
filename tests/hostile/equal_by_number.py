# expect: failed - an object with every method of a number
class Number:
    def __getattr__(self, name): return lambda *args: 4

for name in ("int", "float", "index", "complex", "eq", "hash", "bool", "trunc", "round", "rsub"):
    setattr(Number, f"__{name}__", lambda self, *args: 4)

def double(n):
    return Number()
