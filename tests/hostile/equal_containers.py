# expect: failed - containers whose == is always true
def make(base):
    same = {"__eq__": lambda self, other: True, "__hash__": lambda self: 0}
    return type("Same", (base,), same)

def double(n):
    return [make(base)() for base in (list, dict, tuple, set, frozenset, str, bytes, float)]
