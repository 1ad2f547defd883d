# expect: error - ends with success inside the first test
import os

def double(n):
    os._exit(0)
