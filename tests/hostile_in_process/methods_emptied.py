# expect: forged - puts empty methods in the place of the tests
import builtins
build = builtins.__build_class__
def lenient(function, name, *bases, **more):
    made = build(function, name, *bases, **more)
    for key in [k for k in vars(made) if k.startswith("test")]:
        setattr(made, key, lambda self: None)
    return made
builtins.__build_class__ = lenient

def double(n): pass
