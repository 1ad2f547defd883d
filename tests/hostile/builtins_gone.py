# expect: error - deletes every builtin and every module
import builtins, sys

def double(n):
    for name in list(vars(builtins)):
        delattr(builtins, name)
