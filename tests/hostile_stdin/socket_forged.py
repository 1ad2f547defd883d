# expect: failed|forged|error - writes an answer of its own on every socket it finds
import json, os
data = json.dumps({"status": 0, "cpu_ms": 1, "size": 1, "output": "7", "claim": ""}).encode()
for fd in range(3, 256):
    try: os.write(fd, len(data).to_bytes(4, "little") + data)
    except OSError: pass
