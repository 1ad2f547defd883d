"""What processes hold, read from /proc: for slots of either sandbox, and for this process."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROC = Path("/proc")
MB = 1 << 20


def pids_of(sandbox: Any, slot: Any) -> list[int]:
    """The processes of a warm slot, as this machine numbers them; empty where it cannot tell."""
    if hasattr(slot, "id"):
        rows = sandbox.client.api.top(slot.id, "-eo pid")["Processes"]
        return [int(row[0]) for row in rows if Path(PROC, row[0]).exists()]
    return [pid for part in slot.parts for pid in below(part.process.pid)]


def below(pid: int) -> list[int]:
    """A process and all its descendants."""
    children: dict[int, list[int]] = {}
    for folder in PROC.glob("[0-9]*"):
        with suppress(OSError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(folder.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def find_program(pids: Iterable[int], name: str) -> int | None:
    """The Python process among them that runs the file `name`."""
    for pid in pids:
        with suppress(OSError):
            words = (PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
            if b"python" in words[0] and any(word.endswith(name.encode()) for word in words):
                return pid
    return None


def field_mb(pid: int | str, file: str, name: str) -> float:
    """A line such as `Pss:   123 kB` of a file below /proc/PID; 0 for a process that is gone."""
    with suppress(OSError):
        for line in (PROC / str(pid) / file).read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) / 1024
    return 0.0


def pss_mb(pids: Iterable[int]) -> float:
    """Memory that these processes hold; pages that several share are counted once in all."""
    return sum(field_mb(pid, "smaps_rollup", "Pss") for pid in pids)


def anonymous_mb(pids: Iterable[int]) -> float:
    """Memory of their own, file pages left out: does not depend on what other slots hold."""
    return sum(field_mb(pid, "smaps_rollup", "Anonymous") for pid in pids)


def daemon_mb(sandbox: Any) -> float:
    """Resident memory of dockerd; 0 for a daemon of another machine, or without one."""
    if getattr(sandbox, "client", None) is None:
        return 0.0
    for folder in PROC.glob("[0-9]*"):
        with suppress(OSError):
            if (folder / "comm").read_text().strip() == "dockerd":
                return field_mb(folder.name, "status", "VmRSS")
    return 0.0


def group_mb(sandbox: Any, slot: Any) -> float | None:
    """What `docker stats` shows: the control group's memory without idle files."""
    if not hasattr(slot, "id"):
        return None
    memory = sandbox.client.api.stats(slot.id, stream=False)["memory_stats"]
    idle = memory["stats"].get("total_inactive_file", memory["stats"].get("inactive_file", 0))
    return float(memory["usage"] - idle) / MB


@dataclass(frozen=True)
class Scratch:
    """What lies in a slot's /tmp."""

    kb: float
    files: int


def scratch_of(pids: Iterable[int]) -> Scratch:
    """The /tmp of the slot, looked at from outside through its supervisor."""
    pid = find_program(pids, "supervisor.py")
    if pid is None:
        return Scratch(0.0, 0)
    try:
        seen = os.statvfs(PROC / str(pid) / "root" / "tmp")
    except OSError:
        return Scratch(0.0, 0)
    used = (seen.f_blocks - seen.f_bfree) * seen.f_frsize / 1024
    return Scratch(used, seen.f_files - seen.f_ffree)
