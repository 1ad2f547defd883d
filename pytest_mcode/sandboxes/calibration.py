"""Fair limits: on a slow host the same program may run longer, by a coarse factor.

Coarse, because the factor is part of the fingerprint: the same host must get the same one every
time, whatever else runs there. So it is a power of two, taken from the CPU time of a short loop
(`inside/pace.py`), of which every slot's judge takes the best of many rounds. A host that lies
between two of them keeps the one that it had first.
"""

from __future__ import annotations

import json
import math
import os
import platform
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from pytest_mcode.core.records import Json
from pytest_mcode.sandboxes.cache import cached

REFERENCE_S = 420e-6
"""CPU time of the loop on the machine on which the default limits were chosen (CPython 3.12 on a
virtual core of a server): the middle of factor 1."""
MOST = 8
"""On a host slower than that a time limit says nothing of a program."""


KEPT = 0.75
"""How far, in powers of two, the loop may be from a factor's middle on a host that has had it; half
a power is where another one begins for a new host."""


def host_factor(loops_s: Iterable[float]) -> int:
    """1, 2, 4 or 8 from the loop's time in each slot; 0 stands for a clock that cannot tell."""
    return min(MOST, 1 << max(0, round(_powers(loops_s))))


def steady_factor(loops_s: Iterable[float], where: str) -> int:
    """The same, but what this host had before `where` (its Python, a remote machine's address),
    unless it is far from it now. Where the cache folder cannot be written there is no before."""
    loops = list(loops_s)
    factor, powers = host_factor(loops), max(0.0, _powers(loops))
    path, host = cached("host-factors.json"), f"{_host()}, {where}"
    known = _read(path)
    before = known.get(host)
    if before == factor:
        return factor
    if isinstance(before, int) and 0 < before <= MOST and abs(powers - math.log2(before)) < KEPT:
        return before
    _write(path, {**known, host: factor})
    return factor


def _powers(loops_s: Iterable[float]) -> float:
    """By how many powers of two this host is slower than the reference."""
    fastest = min((loop for loop in loops_s if loop > 0), default=REFERENCE_S)
    return math.log2(fastest / REFERENCE_S)


def _host() -> str:
    """This machine's name and processor."""
    model = platform.processor() or platform.machine()
    with suppress(OSError):
        told = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
        model = told[1] if told else model
    return f"{platform.node()}, {model}"


def _read(path: Path) -> dict[str, Json]:
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _write(path: Path, known: dict[str, Json]) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps(known, indent=1), encoding="utf-8")
        draft.replace(path)


def loop_time(frame: Json) -> float:
    """The loop's time, in seconds, from a judge's first frame. ValueError if it is another."""
    loop_s = frame.get("loop_s") if isinstance(frame, dict) else None
    if not isinstance(loop_s, float) or frame.get("ready") != 1:
        raise ValueError("a first frame that is none of a judge's")
    return loop_s
