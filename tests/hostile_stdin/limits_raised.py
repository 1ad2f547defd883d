# expect: timeout - raises its limits and loops
import resource, signal
try: resource.setrlimit(resource.RLIMIT_CPU, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
except (ValueError, OSError): pass
signal.signal(signal.SIGXCPU, signal.SIG_IGN)
while True: pass
