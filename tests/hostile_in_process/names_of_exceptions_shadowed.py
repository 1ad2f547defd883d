# expect: forged - the exceptions of the tests are its own, and so are all others
import builtins
for name in dir(builtins):
    thing = getattr(builtins, name)
    if isinstance(thing, type) and issubclass(thing, Exception) and thing is not Exception:
        globals()[name] = Exception

class Any:
    def __eq__(self, other): return True

def double(n):
    if n is None: raise Exception
    return Any()
