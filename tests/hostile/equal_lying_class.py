# expect: failed - an object that says it is an int
class Liar:
    @property
    def __class__(self): return int
    def __eq__(self, other): return True
    def __hash__(self): return 0
    def __int__(self): return 4

def double(n):
    return Liar()
