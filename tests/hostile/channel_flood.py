# expect: failed - answers questions that were never asked, on every descriptor
import os, json

def double(n):
    payload = json.dumps({"v": 4}).encode()
    frame = len(payload).to_bytes(4, "little") + payload
    for number in range(3, 64):
        try:
            os.write(number, frame * 8)
        except OSError:
            pass
    return 0
