# expect: output_limit - floods the raw descriptor beyond the file size limit
import os

def double(n):
    while True:
        os.write(1, b"x" * (1 << 20))
