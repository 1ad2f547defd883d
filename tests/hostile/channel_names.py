# expect: forged - a definition whose names are nonsense
import os, stat

def find():
    for number in range(3, 64):
        try:
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                return number
        except OSError:
            pass

FD = find()
data = b'{"k": {"double": {"q": 1}}}'
os.write(FD, len(data).to_bytes(4, "little") + data)
os.read(FD, 1)
os._exit(0)
