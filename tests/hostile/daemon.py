# expect: failed - a daemon that outlives the program and ignores signals
import os, signal, time

def double(n):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for number in range(1, 64):
                try:
                    signal.signal(number, signal.SIG_IGN)
                except (OSError, ValueError):
                    pass
            while True:
                try:
                    open("/tmp/daemon", "a").write("x")
                except OSError:
                    pass
                time.sleep(0.001)
        os._exit(0)
    time.sleep(0.05)
    return 0
