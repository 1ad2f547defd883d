# expect: failed - an object whose == is always true
class Any:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return 0

def double(n):
    return Any()
