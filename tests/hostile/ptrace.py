# expect: failed - attaches to the supervisor and the judge
import ctypes, os

def double(n):
    libc = ctypes.CDLL(None)
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            if libc.ptrace(16, int(entry), 0, 0) == 0:
                raise SystemExit("attached to " + entry)
    return 0
