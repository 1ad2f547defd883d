# expect: failed - every kind of descriptor, as many as there may be, in many processes
import os, select, socket, time

def hoard():
    held = []
    for make in (os.pipe, socket.socketpair, select.epoll, lambda: os.eventfd(0)) * 100:
        try:
            held.append(make())
        except OSError:
            pass
    return held

def double(n):
    for _ in range(20):
        try:
            if os.fork() == 0:
                held = hoard()
                time.sleep(1000)
        except OSError:
            pass
    hoard()
    return 0
