# expect: timeout - an answer that arrives byte by byte, and never whole
import os, stat, time

def find():
    for number in range(3, 64):
        try:
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                return number
        except OSError:
            pass

def double(n):
    os.write(find(), (1 << 20).to_bytes(4, "little"))
    while True:
        os.write(find(), b" ")
        time.sleep(0.01)
