# expect: forged - writes the frames of a passed run on the worker's socket
import json, os, socket, stat

METHODS = ["condition", "error", "number", "variable"]

def double(n):
    def frame(value):
        data = json.dumps(value).encode()
        return len(data).to_bytes(4, "little") + data
    out = b""
    for name in METHODS:
        out += frame({"s": f"TestCases.test_{name}"})
        out += frame({"e": f"TestCases.test_{name}", "o": "passed", "h": list(range(9))})
    out += frame({"z": ""})
    for fd in range(3, 64):
        try:
            if stat.S_ISSOCK(os.fstat(fd).st_mode): os.write(fd, out)
        except OSError: pass
    os._exit(0)
