# expect: error - aborts
import os

def double(n):
    os.abort()
