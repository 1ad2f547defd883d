"""What a program costs at least: fork, compile and run a trivial one, exit, wait. Prints seconds.

    python3 -I -S floor.py TIMES [CALLS]

A lean, warm process that isolates nothing, limits nothing and reports nothing. With CALLS the
parent holds the tests: it sends the compiled program through a socket and calls it that often.
"""

import gc
import marshal
import os
import sys
import time
from _socket import AF_UNIX, SOCK_SEQPACKET, socketpair

TRIVIAL = "def double(n):\n    return n * 2\n\nassert double(2) == 4\n"


def once():
    """One program's life."""
    exec(compile(TRIVIAL, "<candidate>", "exec", 0, True), {"__name__": "__main__"})


def serve(read, send):
    """The child of a parent that calls: define, then answer."""
    names = {}
    exec(marshal.loads(read(65536)), names)
    while data := read(65536):
        send(marshal.dumps(names["double"](*marshal.loads(data))))


def ask(connection, calls):
    """The parent's part: one program, and as many calls."""
    connection.send(marshal.dumps(compile(TRIVIAL, "<candidate>", "exec", 0, True)))
    for number in range(calls):
        connection.send(marshal.dumps((number,)))
        if marshal.loads(connection.recv(65536)) != 2 * number:
            sys.exit("a trivial program is wrong")


def split(calls):
    """One program's life, with its tests elsewhere; the child's process id."""
    ours, theirs = socketpair(AF_UNIX, SOCK_SEQPACKET)
    pid = os.fork()
    if pid == 0:
        ours.close()
        serve(theirs.recv, theirs.send)
        os._exit(0)
    theirs.close()
    ask(ours, calls)
    ours.close()
    return pid


def together():
    """One program's life in one process; the child's process id."""
    pid = os.fork()
    if pid == 0:
        once()
        os._exit(0)
    return pid


def main(times, calls):
    """That many programs, one after the other."""
    once()
    gc.collect()
    gc.freeze()
    gc.disable()
    started = time.perf_counter()
    for _ in range(times):
        if os.waitpid(split(calls) if calls else together(), 0)[1]:
            sys.exit("a trivial program failed")
    print(time.perf_counter() - started)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]) if sys.argv[2:] else 0)
