# expect: failed|forged - an object whose == is always true
class Any:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return 0

def double(n):
    if n is None: raise TypeError
    return Any()
