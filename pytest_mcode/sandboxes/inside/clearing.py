"""What a program may have left behind: found, removed, and told.

Functions by name, few objects: see `supervisor`.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from os import (
    PRIO_PROCESS,
    SEEK_END,
    close,
    dup2,
    getpriority,
    kill,
    listdir,
    lseek,
    memfd_create,
    pread,
    sched_getaffinity,
    stat,
    wait4,
)
from resource import getrlimit

KILL = int(signal.SIGKILL)
_TOLD = "/proc/self/limits"
LIMITS = os.open(_TOLD if os.path.exists(_TOLD) else "/dev/null", os.O_RDONLY)
"""This process's own limits, as the kernel tells them: one call instead of sixteen. gVisor does
not tell."""
_KINDS = range(16)
"""Of limits: RLIM_NLIMITS."""
OWNS_TMP = stat("/tmp").st_uid == os.getuid()
"""True in a user namespace, where a program could change the mode of /tmp."""


def state() -> list[object]:
    """What a worker of the same user could have changed about this process."""
    limits = pread(LIMITS, 4096, 0) or [getrlimit(kind) for kind in _KINDS]
    found: list[object] = [limits, getpriority(PRIO_PROCESS, 0)]
    found.append(sched_getaffinity(0))
    if OWNS_TMP:
        found.append(stat("/tmp").st_mode)
    return found


def oom_kills() -> int:
    """How often the kernel killed for memory in this control group; 0 where it does not tell."""
    for path in ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"):
        try:
            with open(path, encoding="ascii") as file:
                rows = [line.split() for line in file]
        except OSError:
            continue
        return sum(int(row[1]) for row in rows if row[0] == "oom_kill")
    return 0


def reap(pid: int) -> tuple[int, int, int, int]:
    """Kill all there is and wait for it: the worker's wait status, peak KiB and CPU milliseconds,
    and how many other processes there were.

    kill(-1) reaches every process of this user in this pid namespace but the first, in one go:
    nothing can fork its way around it. The judge is another user's, or in another namespace.
    """
    status = peak = cpu_ms = others = 0
    kill(-1, KILL)  # there is one at least: the worker, dead or alive
    while True:
        try:
            child, code, usage = wait4(-1, 0)
        except ChildProcessError:
            return status, peak, cpu_ms, others
        if child == pid:
            status, peak = code, usage.ru_maxrss
            cpu_ms = int(1000 * (usage.ru_utime + usage.ru_stime))
        else:
            others += 1


def remove(name: str, folder: int | None) -> None:
    """Remove a file or a tree, without following links."""
    try:
        os.unlink(name, dir_fd=folder)
    except OSError:
        pass
    else:
        return
    with suppress(OSError):
        os.chmod(name, 0o700, dir_fd=folder)
    inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
    try:
        for entry in os.listdir(inner):
            remove(entry, inner)
    finally:
        os.close(inner)
    os.rmdir(name, dir_fd=folder)


def empty_tmp() -> bool:
    """True once /tmp is empty."""
    try:
        for entry in listdir("/tmp"):
            remove("/tmp/" + entry, None)
    except (OSError, RecursionError):
        return False
    return True


def new_output() -> None:
    """Raw output goes into a new file in memory.

    A new one for each program: locks, flags and blocks behind its end would stay with the old.
    """
    sink = memfd_create("output")
    dup2(sink, 1)
    dup2(sink, 2)
    close(sink)


def renew_output() -> int:
    """The size of the output in bytes, which is then forgotten."""
    size = lseek(1, 0, SEEK_END)
    new_output()
    return size
