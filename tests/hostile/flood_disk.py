# expect: failed - fills /tmp with data and with files
import os

def double(n):
    try:
        for number in range(100000):
            with open(f"/tmp/{number}", "wb") as file:
                file.write(b"x" * 4096)
    except OSError:
        pass
    return 0
