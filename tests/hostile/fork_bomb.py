# expect: failed - forks until nothing can be forked
import os, time

def double(n):
    for _ in range(200):
        try:
            if os.fork() == 0:
                while True:
                    try:
                        os.fork()
                    except OSError:
                        time.sleep(1)
        except OSError:
            pass
    return 0
