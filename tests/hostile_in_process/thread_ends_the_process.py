# expect: error|failed|forged - a thread ends the process with success during the tests
import os, threading, time

def later():
    time.sleep(0.05)
    os._exit(0)
threading.Thread(target=later, daemon=True).start()

def double(n):
    time.sleep(0.2)
    return 0
