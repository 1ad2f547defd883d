"""What a program costs at least: fork, compile and run a trivial one, exit, wait. Prints seconds.

    python3 -I -S floor.py TIMES

A lean, warm process that isolates nothing, limits nothing and reports nothing.
"""

import gc
import os
import sys
import time

TRIVIAL = "def double(n):\n    return n * 2\n\nassert double(2) == 4\n"


def once():
    """One program's life."""
    exec(compile(TRIVIAL, "<candidate>", "exec", 0, True), {"__name__": "__main__"})


def main(times):
    """That many programs, one after the other."""
    once()
    gc.collect()
    gc.freeze()
    gc.disable()
    started = time.perf_counter()
    for _ in range(times):
        pid = os.fork()
        if pid == 0:
            once()
            os._exit(0)
        if os.waitpid(pid, 0)[1]:
            sys.exit("a trivial program failed")
    print(time.perf_counter() - started)


if __name__ == "__main__":
    main(int(sys.argv[1]))
