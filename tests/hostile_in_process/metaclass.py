# expect: forged|failed|error - a metaclass whose classes swallow what their tests raise
import unittest
def swallowing(method):
    def run(self):
        try: method(self)
        except BaseException: pass
    return run
class Meta(type):
    def __getattribute__(cls, name):
        return type.__getattribute__(cls, name)
    def __new__(meta, name, bases, space):
        for key in [k for k in space if k.startswith("test")]:
            space[key] = swallowing(space[key])
        return super().__new__(meta, name, bases, space)
class Case(unittest.TestCase, metaclass=Meta): pass
unittest.TestCase = Case

def double(n): raise KeyError
