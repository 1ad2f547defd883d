# expect: timeout - keeps as many descriptors in flight as the user of all slots may have
import array, os, socket, time

def double(n):
    left, right = socket.socketpair()
    held = array.array("i", [os.dup(0) for _ in range(200)])
    try:
        while True:
            left.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, held)])
    except OSError:
        time.sleep(1000)
