# expect: error - becomes another program that ends with status 0
import os, sys

def double(n):
    os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", "pass"])
