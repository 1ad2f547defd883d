# expect: error - a thread ends the process while the main one is asked
import os, threading, time

def double(n):
    threading.Thread(target=lambda: os._exit(0)).start()
    time.sleep(5)
    return 0
