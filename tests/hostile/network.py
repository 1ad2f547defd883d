# expect: failed - opens sockets of every family
import socket

def double(n):
    for family in range(1, 46):
        for kind in (1, 2, 3, 5):
            try:
                connection = socket.socket(family, kind)
                connection.settimeout(0.1)
                connection.connect(("1.1.1.1", 80))
                raise SystemExit("connected")
            except Exception:
                pass
    return 0
