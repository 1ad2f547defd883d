"""How fast this machine computes: a short loop, timed in the judge before its first job."""

from __future__ import annotations

from time import process_time

_ROUNDS = 24
_STEPS = 1500


def _work(steps: int) -> int:
    """What programs do: integers, calls, a list, a dictionary, strings."""
    found: dict[str, int] = {}
    rows = []
    for step in range(steps):
        rows.append(step * step % 97)
        found[str(step & 31)] = len(rows) + sum(rows[-3:])
    return len(found) + sum(sorted(rows))


def loop_s() -> float:
    """CPU seconds of one round, the best of several; 0 where the clock is too coarse to tell."""
    best = 1.0
    for _ in range(_ROUNDS):
        started = process_time()
        _work(_STEPS)
        best = min(best, process_time() - started)
    return best
