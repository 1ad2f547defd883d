"""Which process a number means: the kernel gives it to another when its process has ended."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path


def place() -> str:
    """This boot in this process namespace: elsewhere the same number is another process."""
    with contextlib.suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    return socket.gethostname()


def started(pid: int) -> str:
    """When a process was started, in ticks since the boot; empty if there is none, or a zombie."""
    with contextlib.suppress(OSError, IndexError):
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if words[0] in "ZX" else words[19]
    return ""
