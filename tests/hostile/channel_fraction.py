# expect: forged - a fraction whose reduction would keep the judge busy for hours
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
    data = len(data).to_bytes(4, "little") + data
    while data:
        data = data[os.write(FD, data):]

send({"k": {"double": "f"}, "w": "x"})
select.select([FD], [], [], 0.1)  # a question, if it did not come along
import random
big = [{"I": hex(random.getrandbits(20_000_000))} for _ in range(2)]
send({"v": {"F": big}})
os.read(FD, 1)
os._exit(0)
