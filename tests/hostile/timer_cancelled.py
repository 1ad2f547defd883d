# expect: timeout - cancels timers and handlers, then loops
import resource, signal
signal.setitimer(signal.ITIMER_REAL, 0)
signal.alarm(0)
try:
    resource.setrlimit(resource.RLIMIT_CPU, resource.getrlimit(resource.RLIMIT_CPU)[1:] * 2)
except (OSError, ValueError):
    pass

def double(n):
    while True:
        pass
