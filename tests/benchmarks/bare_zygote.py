"""The least that can be called a verdict: a first process forks, the child runs all, and exits.

Started by `in_process.py` as `python3 -c SOURCE` in a container with the sandbox's own confinement.
No limit of time, memory or output, no text, no look at itself: a floor for `zygote.py`, which has
all that. The child's exit status is the verdict, which `os._exit(0)` forges. It refuses to run
anywhere but as the first process of a container without root, because it kills all that it can
reach.
"""

import os
import sys

if os.getpid() != 1 or os.getuid() == 0:
    sys.exit(99)

import gc
import marshal
import signal

LARGEST = 1 << 20


def preload():
    """Common modules, without the hooks that run at every fork."""
    register = os.register_at_fork
    os.register_at_fork = lambda **hooks: None
    names = (
        "typing math re collections heapq itertools functools copy string bisect operator random"
    )
    for name in names.split():
        __import__(name)
    os.register_at_fork = register


def read(size):
    """Exactly that many bytes; the process ends with its input."""
    data = b""
    while len(data) < size:
        part = os.read(0, min(LARGEST, size - len(data)))
        if not part:
            os._exit(0)
        data += part
    return data


def run(source):
    """The child's life."""
    status = 1
    try:
        os.setsid()
        os.dup2(2, 1)
        gc.enable()
        exec(compile(source, "<candidate>", "exec", 0, True), {"__name__": "__main__"})
        status = 0
    finally:
        os._exit(status)


def verify(source):
    """Fork, wait, kill what is left, look whether /tmp is empty: b"1" for a pass."""
    pid = os.fork()
    if pid == 0:
        run(source)
    _, status = os.waitpid(pid, 0)
    while True:
        try:  # noqa: SIM105 - each module more makes every fork dearer
            os.kill(-1, signal.SIGKILL)
        except OSError:
            pass
        try:
            os.wait()
        except ChildProcessError:
            break
    return b"1" if status == 0 and not os.listdir("/tmp") else b"0"  # noqa: PTH208


preload()
exec(
    compile(
        "from typing import List\ndef f(x: List[int]): return [y for y in x]\nf([1])", "", "exec"
    ),
    {},
)
gc.collect()
gc.freeze()
gc.disable()
os.write(1, b"READY\n")
while True:
    sources = marshal.loads(read(int.from_bytes(read(4), "little")))
    os.write(1, b"".join(map(verify, sources)))
