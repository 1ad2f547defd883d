# expect: failed - pipes made as large as possible and filled, in many processes
import fcntl, os, time

def fill():
    held = []
    try:
        while True:
            reading, writing = os.pipe()
            held.append((reading, writing))
            try:
                fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 1 << 20)
            except OSError:
                pass
            os.set_blocking(writing, False)
            while os.write(writing, b"x" * (1 << 16)):
                pass
    except OSError:
        return held

def double(n):
    for _ in range(20):
        try:
            if os.fork() == 0:
                held = fill()
                time.sleep(1000)
        except OSError:
            pass
    time.sleep(0.3)
    return 0
