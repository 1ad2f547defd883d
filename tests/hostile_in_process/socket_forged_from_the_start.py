# expect: forged - answers for the worker at once, and keeps it from answering
import json, os, stat, time

def frame(value):
    data = json.dumps(value).encode()
    return len(data).to_bytes(4, "little") + data
out = frame({"k": 1})
for name in ["condition", "error", "number", "variable"]:
    out += frame({"s": f"TestCases.test_{name}"})
    out += frame({"e": f"TestCases.test_{name}", "o": "passed", "h": list(range(9))})
out += frame({"z": ""})
for fd in range(3, 64):
    try:
        if stat.S_ISSOCK(os.fstat(fd).st_mode): os.write(fd, out)
    except OSError: pass
while True: time.sleep(1)
