# expect: passed - computes in a child and leaves another one behind
import os, time

def double(n):
    if os.fork() == 0:
        time.sleep(1000)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, str(2 * n).encode())
        os._exit(0)
    os.waitpid(child, 0)
    return int(os.read(reading, 99))
