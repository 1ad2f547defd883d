# expect: forged - every builtin that a comparison could use is replaced
import builtins
builtins.AssertionError = type("Never", (Exception,), {})
builtins.len = builtins.abs = builtins.sum = builtins.ord = lambda *a: 0
builtins.all = builtins.any = builtins.isinstance = lambda *a: True

def double(n):
    return 0
