# expect: failed - a plain subclass whose name is that of a special method
class __eq__(int):
    pass

def double(n):
    return __eq__(0)
