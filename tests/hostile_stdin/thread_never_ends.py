# expect: timeout - right output, but a thread that never ends
import threading, time
print(sum(map(int, open(0).read().split())))
threading.Thread(target=time.sleep, args=(99,)).start()
