"""Run by path: starts one server program and ends it, whatever becomes of the run.

Most servers do not watch who started them. This process does it for them: it ends the server and
everything the server has started when its own standard input ends, when the process that made it
is gone, or when it is told to by a signal. The server itself is killed by the kernel should this
process be killed. What only a reboot or `kill -9` of both leaves is written down for `orphans`.

A server that ends by itself after it was healthy, which one byte on standard input says, is started
again, `restarts` times in all.

Argument: JSON with `command`, `stop` (run at the end), `record` (a file), `grace_s` and `restarts`.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

DIE_WITH_PARENT, ADOPT_ORPHANS = 1, 36
"""PR_SET_PDEATHSIG and PR_SET_CHILD_SUBREAPER of prctl(2)."""


AGAIN = "mcode: the server ended by itself with exit status"
"""Starts the line that the log gets when a server is started again."""


def main(argument: str) -> int:
    """Keep the server until it ends or is to end; its exit status."""
    given = json.loads(argument)
    parent = os.getppid()
    os.dup2(2, 1)
    _prctl(ADOPT_ORPHANS, 1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _leave)
    record = Path(given["record"]) if given["record"] else None
    child = _started(given, record, parent)
    healthy, restarts = False, 0
    try:
        while os.getppid() == parent:
            ended = child.poll() is not None  # before the look at what had been said until then
            ready, _, _ = select.select([0], [], [], 0 if ended else 0.2)
            if ready and not os.read(0, 4096):
                break
            healthy = healthy or bool(ready)
            if ended:
                if not healthy or restarts == given["restarts"]:
                    break
                os.write(2, f"{AGAIN} {child.returncode} and is started again\n".encode())
                _kill_session(child)
                select.select([0], [], [], restarts)  # memory of a GPU may take a moment to be free
                restarts += 1
                child = _started(given, record, parent)
    except SystemExit:
        pass
    finally:
        status = end(child, given["grace_s"])
        if given["stop"]:
            subprocess.run(given["stop"], stdin=subprocess.DEVNULL, check=False)
        if record is not None:
            record.unlink(missing_ok=True)
    return status if status >= 0 else 128 - status


def _started(given: Any, record: Path | None, parent: int) -> subprocess.Popen[bytes]:
    child = subprocess.Popen(
        given["command"],
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=lambda: _prctl(DIE_WITH_PARENT, signal.SIGKILL),  # noqa: PLW1509 - one thread
    )
    if record is not None:
        write(record, child.pid, parent, given["stop"])
    return child


def _leave(number: int, frame: Any) -> None:
    sys.exit(128 + number)


def _prctl(option: int, value: int) -> None:
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def end(child: subprocess.Popen[bytes], grace_s: float) -> int:
    """Ask the server's session to end, then kill what is left of it; the server's exit status."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(timeout=grace_s)
    _kill_session(child)
    status = child.wait()
    while left := _adopted():
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(-1, 0)
    return status


def _kill_session(child: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)


def _adopted() -> list[int]:
    """Processes that the server has left behind: they are this one's children now."""
    with contextlib.suppress(OSError):
        mine = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
        return [int(word) for word in mine.read_text().split()]
    return []


def write(record: Path, pid: int, owner: int, stop: Sequence[str]) -> None:
    """Note who runs for whom, in one step."""
    from pytest_mcode.core.processes import place, started

    known = {
        "place": place(),
        "pid": pid,
        "started": started(pid),
        "owner": owner,
        "owner_started": started(owner),
        "stop": list(stop),
    }
    draft = record.with_suffix(".new")
    draft.write_text(json.dumps(known))
    draft.rename(record)


if __name__ == "__main__":
    sys.path.append(str(Path(__file__).parents[2]))
    sys.exit(main(sys.argv[1]))
