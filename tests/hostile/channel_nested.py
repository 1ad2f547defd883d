# expect: forged - a value nested just as deep as the reader of JSON goes
import os, select, stat

def find():
    for number in range(3, 64):
        try:
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                return number
        except OSError:
            pass

FD = find()

def send(data):
    data = len(data).to_bytes(4, "little") + data
    while data:
        data = data[os.write(FD, data):]

send(b'{"k": {"double": "f"}}')
select.select([FD], [], [], 0.1)  # a question, if it did not come along
send(b'{"v": ' + b'{"t":[' * 470 + b"]}" * 470 + b"}")
os.read(FD, 1)
os._exit(0)
