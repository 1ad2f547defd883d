# expect: failed - a text that equals everything and answers for every attribute
class Any(str):
    def __eq__(self, other): return True
    def __getattribute__(self, name): return lambda *args: 4
    __hash__ = str.__hash__

def double(n):
    return Any("4")
