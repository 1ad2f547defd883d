# expect: forged|failed|error - two processes report on one socket
import os

def double(n):
    os.fork()
    return 0
