# expect: failed - numbers of the library whose == is always true
from fractions import Fraction
from decimal import Decimal

class F(Fraction):
    def __eq__(self, other): return True
    __hash__ = Fraction.__hash__

class D(Decimal):
    def __eq__(self, other): return True
    __hash__ = Decimal.__hash__

def double(n):
    return D(1) if n > 20 else F(1)
