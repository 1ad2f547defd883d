# expect: failed|forged - an int that equals every number
class Int(int):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    __hash__ = int.__hash__

def double(n):
    if n is None: raise TypeError
    return Int(1)
