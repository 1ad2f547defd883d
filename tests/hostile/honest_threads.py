# expect: passed - computes in a thread and leaves another one behind
import threading, time

def double(n):
    threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
    found = []
    worker = threading.Thread(target=lambda: found.append(2 * n))
    worker.start()
    worker.join()
    return found[0]
