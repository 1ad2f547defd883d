# expect: failed - an int whose == is always true
class Any(int):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    __hash__ = int.__hash__

def double(n):
    return Any(1)
