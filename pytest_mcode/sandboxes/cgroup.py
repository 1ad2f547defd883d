"""Limits that hold for a whole cell, where this user may set them: a control group per cell.

Version 1 and 2. Groups are named after the process that made them, so that the next run can
remove those of a run that was killed.
"""

from __future__ import annotations

import errno
import os
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pytest_mcode.core.processes import place

ROOT = Path("/sys/fs/cgroup")
_NAME = "pytest-mcode"
_EMPTY_S = 1.0
"""How long a group may hold on to a process that was waited for: since Linux 6.18 a dead one stays
in it until the kernel has switched away from it."""


@dataclass(frozen=True)
class Hierarchy:
    """Folders below which groups can be made; in version 2 it is the same folder twice."""

    version: int
    memory: Path
    pids: Path


class Group:
    """The control group of one cell."""

    def __init__(self, hierarchy: Hierarchy, name: str, memory_bytes: int, processes: int) -> None:
        """Make it. Raises OSError where that is not allowed."""
        self.hierarchy = hierarchy
        self.folders = [base / name for base in dict.fromkeys((hierarchy.memory, hierarchy.pids))]
        try:
            for folder in self.folders:
                folder.mkdir()
            memory, pids = self.folders[0], self.folders[-1]
            one = hierarchy.version == 1
            limit = "memory.limit_in_bytes" if one else "memory.max"
            (memory / limit).write_text(str(memory_bytes))
            with suppress(OSError):  # there is no swap, or it is not accounted
                swap = "memory.memsw.limit_in_bytes" if one else "memory.swap.max"
                (memory / swap).write_text(str(memory_bytes if one else 0))
            (pids / "pids.max").write_text(str(processes))
        except OSError:
            self.close()
            raise

    def add(self, pid: int) -> None:
        """Move a process in; what it forks from then on is in too. Raises OSError."""
        for folder in self.folders:
            (folder / "cgroup.procs").write_text(str(pid))

    @property
    def view(self) -> tuple[Path, PurePosixPath]:
        """The folder that tells of memory, and where the supervisor looks for it."""
        place = PurePosixPath("/sys/fs/cgroup")
        return self.folders[0], place / "memory" if self.hierarchy.version == 1 else place

    def memory_mb(self) -> float:
        """Memory in use, in MB; 0 where it cannot be told."""
        name = "memory.usage_in_bytes" if self.hierarchy.version == 1 else "memory.current"
        with suppress(OSError, ValueError):
            return int((self.folders[0] / name).read_text()) / 2**20
        return 0.0

    def close(self) -> None:
        """Remove it; its processes must have ended. One that is not given up soon is left to the
        sweep of a later run."""
        deadline = time.monotonic() + _EMPTY_S
        for folder in self.folders:
            with suppress(OSError):
                _remove(folder, deadline)


def _remove(folder: Path, deadline: float) -> None:
    """Remove an empty group, which the kernel may call busy for a moment. Raises OSError."""
    while True:
        try:
            folder.rmdir()
        except OSError as error:
            if error.errno != errno.EBUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.005)
        else:
            return


def find_hierarchy() -> Hierarchy | None:
    """Where groups with memory and process limits can be made, if anywhere; sweeps as it looks."""
    found = _version_1() or _version_2()
    if found is None:
        return None
    for base in {found.memory, found.pids}:
        _sweep(base)
    try:
        Group(found, group_name("try"), 1 << 30, 64).close()
    except OSError:
        return None
    return found


def group_name(suffix: object) -> str:
    """`pytest-mcode-<where>-<process id>-<suffix>`."""
    return f"{_NAME}-{_space()}-{os.getpid()}-{suffix}"


def _space() -> str:
    """The namespace of process ids: a run in another one, such as a container that sees the same
    groups, would take this process for one that is no more."""
    return re.sub(r"\D", "", place().rpartition("/")[2])


def _own_groups() -> dict[str, str]:
    """Controller -> path of this process's group; version 2 has the empty name."""
    with suppress(OSError):
        lines = Path("/proc/self/cgroup").read_text().splitlines()
        rows = [line.split(":", 2) for line in lines]
        return {name: row[2] for row in rows for name in row[1].split(",")}
    return {}


def _version_1() -> Hierarchy | None:
    own = _own_groups()
    if not {"memory", "pids"} <= own.keys():
        return None
    memory, pids = (ROOT / name / own[name].lstrip("/") for name in ("memory", "pids"))
    return Hierarchy(1, memory, pids) if memory.is_dir() and pids.is_dir() else None


def _version_2() -> Hierarchy | None:
    """The nearest group above this process that hands both controllers on to its children."""
    path = ROOT / _own_groups().get("", "/").lstrip("/")
    for folder in (path, *path.parents):
        with suppress(OSError):
            handed = (folder / "cgroup.subtree_control").read_text().split()
            if {"memory", "pids"} <= set(handed) and os.access(folder, os.W_OK):
                return Hierarchy(2, folder, folder)
        if folder == ROOT:
            break
    return None


def _sweep(base: Path) -> None:
    """Remove the empty groups of processes that are no more, as far as this one can tell."""
    start = f"{_NAME}-{_space()}-"
    for folder in base.glob(f"{start}*"):
        pid = folder.name.removeprefix(start).partition("-")[0]
        if not Path("/proc", pid).exists():
            with suppress(OSError):
                folder.rmdir()
