# expect: failed - lowers the limits and the priority of the supervisor
import os, resource

def double(n):
    for number in (resource.RLIMIT_NOFILE, resource.RLIMIT_CPU, resource.RLIMIT_AS):
        try:
            resource.prlimit(1, number, (1, 1))
        except OSError:
            pass
    try:
        os.setpriority(os.PRIO_USER, 0, 19)
        os.sched_setaffinity(1, {0})
    except OSError:
        pass
    return 0
