# expect: failed - threads until no more can be started
import threading, time

def double(n):
    while True:
        try:
            threading.Thread(target=time.sleep, args=(1000,)).start()
        except RuntimeError:
            return 0
