# expect: failed|timeout - forks without a pause when nothing more can be forked
# two verdicts: bubblewrap counts processes by user, and a fork beyond the limit fails at once; Docker
# counts by control group, where it fails after the kernel has copied the whole process, so that the
# program, which shares one core with its 60 children, may not get to its answer in time
import os, time

def double(n):
    for _ in range(200):
        try:
            if os.fork() == 0:
                while True:
                    try:
                        os.fork()
                    except OSError:
                        time.sleep(0.01)
        except OSError:
            pass
    return 0
