# expect: error - an exception whose parts raise when looked at
class Nasty(Exception):
    def __str__(self): raise SystemExit(0)
    __repr__ = __str__
    @property
    def args(self): raise SystemExit(0)

def double(n):
    raise Nasty()
