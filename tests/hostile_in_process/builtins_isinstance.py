# expect: forged|failed|error - isinstance, all, any, abs and len say yes
import builtins
builtins.isinstance = lambda *a: True
builtins.all = builtins.any = lambda *a: True
builtins.abs = builtins.len = lambda *a: 0

def double(n): return 0
