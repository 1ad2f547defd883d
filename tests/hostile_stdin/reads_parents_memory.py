# expect: failed|error - looks for the expected output in its parent
import os, re
found = b""
with open(f"/proc/{os.getppid()}/maps") as maps, open(f"/proc/{os.getppid()}/mem", "rb") as memory:
    for line in maps:
        start, end = (int(x, 16) for x in line.split()[0].split("-"))
        memory.seek(start)
        found += memory.read(min(end - start, 1 << 20))
print(re.search(rb'"outputs": \["(\d+)', found)[1].decode())
