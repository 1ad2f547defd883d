# expect: timeout - ends the first thread alone; another goes on
import ctypes, platform, threading, time

def double(n):
    threading.Thread(target=time.sleep, args=(1000,)).start()
    ctypes.CDLL(None).syscall(60 if platform.machine() == "x86_64" else 93, 0)
