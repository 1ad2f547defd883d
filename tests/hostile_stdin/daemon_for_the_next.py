# expect: failed|error - leaves a process behind that answers for the next case
import os, time
if os.fork() == 0:
    os.setsid()
    while True:
        for fd in range(64):
            try: os.write(fd, b"7\n0\n")
            except OSError: pass
        time.sleep(0.01)
