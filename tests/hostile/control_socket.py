# expect: failed - takes the name on which the judge met the supervisor
import socket

def double(n):
    for name in ("\0mcode-judge",):
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(name)
            server.sendall(b"K" * 100)
        except OSError:
            try:
                server.bind(name)
                server.listen(9)
            except OSError:
                pass
    return 0
