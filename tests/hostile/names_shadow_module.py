# expect: failed - a class named like a module that the tests might use
class math:
    @staticmethod
    def isclose(a, b, **k): return True

def double(n):
    return 0
