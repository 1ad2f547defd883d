"""Fair limits: on a slow host the same program may run longer, by a coarse factor.

Coarse, because the factor is part of the fingerprint: the same host must get the same one every
time, whatever else runs there. So it is a power of two, taken from the CPU time of a short loop
(`inside/pace.py`), of which every slot's judge takes the best of many rounds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from pytest_mcode.core.records import Json

REFERENCE_S = 420e-6
"""CPU time of the loop on the machine on which the default limits were chosen (CPython 3.12 on a
virtual core of a server): the middle of factor 1."""
MOST = 8
"""On a host slower than that a time limit says nothing of a program."""


def host_factor(loops_s: Iterable[float]) -> int:
    """1, 2, 4 or 8 from the loop's time in each slot; 0 stands for a clock that cannot tell."""
    fastest = min((loop for loop in loops_s if loop > 0), default=REFERENCE_S)
    return min(MOST, 1 << max(0, round(math.log2(fastest / REFERENCE_S))))


def loop_time(frame: Json) -> float:
    """The loop's time, in seconds, from a judge's first frame. ValueError if it is another."""
    loop_s = frame.get("loop_s") if isinstance(frame, dict) else None
    if not isinstance(loop_s, float) or frame.get("ready") != 1:
        raise ValueError("a first frame that is none of a judge's")
    return loop_s
