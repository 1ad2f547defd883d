# expect: failed - one object after the other takes the place of the last
import json, os, select, stat

def find():
    for number in range(3, 64):
        try:
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                return number
        except OSError:
            pass

FD = find()

def send(answer):
    data = json.dumps(answer).encode()
    os.write(FD, len(data).to_bytes(4, "little") + data)

send({"k": {"double": "f"}})
while True:
    if select.select([FD], [], [], 0.1)[0]:  # else the question came along
        os.read(FD, 1 << 20)
    send({"v": {"@o": [0.5, "int", "cinglb"]}})
