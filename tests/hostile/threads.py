# expect: error - threads that never end
import threading, time

def double(n):
    for _ in range(20):
        threading.Thread(target=time.sleep, args=(1000,)).start()
    return 0
