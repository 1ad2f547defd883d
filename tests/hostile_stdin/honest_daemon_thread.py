# expect: passed - right output, and a daemon thread that nobody waits for
import threading, time
print(sum(map(int, open(0).read().split())))
threading.Thread(target=time.sleep, args=(99,), daemon=True).start()
