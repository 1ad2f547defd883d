"""Servers that a killed run has left, and nobody else's."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from pytest_mcode.core.processes import place, started
from pytest_mcode.core.records import Json

STOP_S = 60.0
"""How long a command that stops a server may take."""


def sweep(folder: Path) -> Iterator[str]:
    """End the servers that are noted in `folder` and whose run is gone; a line for each.

    Left alone: servers of a run that is going, notes of another machine, container or boot, and a
    process that has got the number of a server which ended.
    """
    for record in sorted(folder.glob("*.server")):
        try:
            known = json.loads(record.read_text())
            mine = known["place"] == place()
            alive = started(known["owner"]) == known["owner_started"] != ""
        except (OSError, ValueError, LookupError, TypeError):
            continue
        if not mine or alive:
            continue
        if _end(known):
            yield f"stopped a server that a killed run had left ({record.stem})"
        record.unlink(missing_ok=True)


def _end(known: Mapping[str, Json]) -> bool:
    """Kill the server's session and run its stop command; whether anything was there."""
    left = list(_session(known["pid"], known["started"]))
    for pid in left:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    if known["stop"]:
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(
                known["stop"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=STOP_S,
                check=False,
            )
    return bool(left or known["stop"])


def _session(leader: int, since: str) -> Iterator[int]:
    """The processes of a session; none if its number belongs to another by now.

    The kernel gives a number to nobody as long as it is that of a session, so where the leader is
    gone the others are still the server's.
    """
    if started(leader) not in ("", since):
        return
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError):
                words = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(words[3]) == leader and words[0] not in "ZX":
                    yield int(entry.name)
