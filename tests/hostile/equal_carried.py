# expect: failed - a subclass of int that equals everything and has every attribute
class Any(int):
    def __eq__(self, other): return True
    def __getattr__(self, name): return lambda *args: True
    __hash__ = int.__hash__

def double(n):
    return Any(0)
