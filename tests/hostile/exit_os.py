# expect: error - os._exit(0) ends the process with the status of success
import os

def double(n):
    os._exit(0)
