# expect: failed - connects to every socket whose name the kernel tells
import socket

def double(n):
    for line in open("/proc/net/unix", "rb").read().splitlines()[1:]:
        name = line.split()[7:]
        if name:
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(0.1)
            try:
                connection.connect(name[0].replace(b"@", b"\0", 1))
                raise SystemExit(f"connected to {name}")
            except OSError:
                pass
    return 0
