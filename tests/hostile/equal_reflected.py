# expect: failed - reflected arithmetic and comparison that would see the expected value
class Spy:
    def __sub__(self, other): return 0
    __rsub__ = __abs__ = __radd__ = __add__ = __sub__
    def __lt__(self, other): return True
    __le__ = __gt__ = __ge__ = __lt__
    def __float__(self): return 0.0
    def __index__(self): return 0

def double(n):
    return Spy()
