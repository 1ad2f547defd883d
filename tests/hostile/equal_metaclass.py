# expect: failed - a class whose metaclass equals everything
class Meta(type):
    def __eq__(self, other): return True
    def __hash__(self): return 0

class Thing(metaclass=Meta):
    pass

def double(n):
    return Thing
