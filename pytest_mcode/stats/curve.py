"""Coverage: how pass@k grows with k, what the next doubling brings, and where it may lead.

`counts` maps (n, c) to the number of tasks with c passes in n draws, as in `pass_at_k`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pytest_mcode.stats.estimate import estimate
from pytest_mcode.stats.paired import Difference, difference
from pytest_mcode.stats.pass_at_k import pass_at_k, pass_at_k_tally

Counts = Mapping[tuple[int, int], int]


@dataclass(frozen=True)
class Point:
    """pass@k at one k, 0..1, with its 95 % interval."""

    k: int
    value: float
    low: float
    high: float
    extrapolated: bool = False
    """More draws than were made: a model's guess, not a measurement."""


@dataclass(frozen=True)
class Gain:
    """What more draws bring: pass@`to` - pass@`k`, paired over tasks, as fractions of 1."""

    k: int
    to: int
    gain: Difference
    value: float
    """Per doubling: the gain / log2(to / k); so are `low` and `high`."""
    low: float
    high: float


@dataclass(frozen=True)
class Knee:
    """The k from which another doubling gains less than a threshold."""

    threshold: float
    likely: int | None
    """The smallest k whose next doubling gained less; None: not reached."""
    proved: int | None
    """The smallest k where the whole interval of that gain lies below; None: not shown."""
    tried: int
    """The most draws that there are."""


def draws(counts: Counts) -> int:
    """The draws that every task has; raises `ValueError` without tasks."""
    if not any(counts.values()):
        raise ValueError("no tasks")
    return min(n for (n, _), tasks in counts.items() if tasks)


def ladder(n: int) -> tuple[int, ...]:
    """1, 2, 4, ... up to n, and n itself."""
    return tuple(sorted({*(2**i for i in range(n.bit_length()) if 2**i <= n), n}))


def coverage(counts: Counts, ks: Sequence[int] | None = None) -> tuple[Point, ...]:
    """pass@k for each k that the draws allow (default: the doublings), as `estimate` has it.

    Source: Brown et al. 2024, "Large Language Monkeys", arXiv 2407.21787, section 2.
    """
    most = draws(counts)
    found = {k: estimate(pass_at_k_tally(counts, k)) for k in ks or ladder(most) if k <= most}
    return tuple(Point(k, e.value, e.low, e.high) for k, e in found.items())


def gains(counts: Counts, ks: Sequence[int] | None = None) -> tuple[Gain, ...]:
    """Gain from each k to the next (default: the doublings), with 95 % interval over tasks.

    Paired: both ends are estimated from the same draws of the same tasks, so the interval is that
    of `paired.difference`, far narrower than the two rates' own intervals suggest.
    """
    most = draws(counts)
    steps = sorted(k for k in ks or ladder(most) if k <= most)
    at = {k: _per_task(counts, k) for k in steps}
    found = []
    for k, to in pairwise(steps):
        gain, doublings = difference(at[k], at[to]), math.log2(to / k)
        # more draws solve no less: -0.0 is an end that holds zero, as in `paired.difference`
        per = (x / doublings for x in (gain.value, max(-0.0, gain.low), gain.high))
        found.append(Gain(k, to, gain, *per))
    return tuple(found)


def knee(found: Sequence[Gain], threshold: float = 0.01) -> Knee:
    """Where another doubling gains less than `threshold` (default one percentage point)."""
    return Knee(
        threshold,
        next((gain.k for gain in found if gain.value < threshold), None),
        next((gain.k for gain in found if gain.high < threshold), None),
        max((gain.to for gain in found), default=1),
    )


def _per_task(counts: Counts, k: int) -> list[float]:
    return [pass_at_k(n, c, k) for (n, c), tasks in counts.items() for _ in range(tasks)]
