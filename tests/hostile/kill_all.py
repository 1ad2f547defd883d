# expect: timeout - kills everything it may, and the first process
import os, signal

def double(n):
    for target in (-1, 1, 0):
        for number in (signal.SIGSTOP, signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            try:
                os.kill(target, number)
            except OSError:
                pass
    return 0
