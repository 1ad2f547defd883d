# expect: error|failed|forged - takes the test methods out of the class
import builtins
build = builtins.__build_class__
def lenient(function, name, *bases, **more):
    made = build(function, name, *bases, **more)
    for key in [k for k in vars(made) if k.startswith("test")]:
        delattr(made, key)
    return made
builtins.__build_class__ = lenient

def double(n): pass
