# expect: failed - becomes another program that speaks the worker's language
import os, stat, sys

def find():
    for number in range(3, 64):
        try:
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                return number
        except OSError:
            pass

SPEAKER = """
import os, select, sys
while True:
    data = b'{"v": 4}'
    os.write(int(sys.argv[1]), len(data).to_bytes(4, "little") + data)
    if select.select([int(sys.argv[1])], [], [], 0.1)[0]:
        os.read(int(sys.argv[1]), 1 << 20)
"""

def double(n):
    os.set_inheritable(find(), True)
    os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", SPEAKER, str(find())])
