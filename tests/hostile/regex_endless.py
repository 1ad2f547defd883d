# expect: timeout - a regular expression that backtracks for ages
import re

def double(n):
    re.match(r"(a+)+$", "a" * 64 + "b")
    return 2 * n
