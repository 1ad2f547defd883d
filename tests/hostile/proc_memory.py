# expect: failed - reads memory, environment and descriptors of the others
import os

def double(n):
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        for name in ("mem", "environ", "maps", "fd"):
            try:
                path = f"/proc/{entry}/{name}"
                found = os.listdir(path) if name == "fd" else open(path, "rb").read(64)
                raise SystemExit(f"read {path}: {found!r}")
            except OSError:
                pass
    return 0
