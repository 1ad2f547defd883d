"""How long a process could have run and had no core: what a busy machine costs it.

`run_delay` of /proc/PID/schedstat, see the kernel's Documentation/scheduler/sched-stats.rst.
"""

from __future__ import annotations

import os


def opened(process: str) -> int:
    """A descriptor for `waited_ms`; -1 where nobody tells."""
    try:
        return os.open(f"/proc/{process}/schedstat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return -1


def waited_ms(number: int) -> int:
    """Milliseconds since the process began."""
    if number < 0:
        return 0
    return int(os.pread(number, 100, 0).split()[1]) // 1_000_000


def waited_by(pid: int) -> int:
    """The same of another process, once."""
    number = opened(str(pid))
    try:
        return waited_ms(number)
    finally:
        if number >= 0:
            os.close(number)
