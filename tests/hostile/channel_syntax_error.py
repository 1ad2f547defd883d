# expect: error - an exception that cannot be described, and another one behind it
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
send({"x": "SyntaxError", "n": "S", "w": "x", "args": ["m", {"t": ["f", {"t": []}, [1], 5, 1, 1]}]})
select.select([FD], [], [], 0.1)  # a question, if it did not come along
send({"x": "ValueError", "n": "V", "m": "m"})
os.read(FD, 1)
os._exit(0)
