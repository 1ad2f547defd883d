"""The best of several levels, measured on the same tasks: is it shown to be better than each?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from pytest_mcode.stats.multiple import holm
from pytest_mcode.stats.paired import Difference, difference


@dataclass(frozen=True)
class Rival:
    """Another level, as the best one compares with it."""

    index: int
    difference: Difference
    """Best less rival, paired by task."""
    p: float
    """Adjusted for all pairs of levels: the best was picked by looking at the data."""


def best(levels: Sequence[Sequence[float]]) -> tuple[int, tuple[Rival, ...]]:
    """The index of the level with the highest mean, and all others in their order.

    `levels` hold one value per task, 0..1, the tasks in the same order. The highest of several
    equal rates looks better than it is, so Holm's method runs over the p of all m (m - 1) / 2
    pairs, not over the m - 1 that are shown: whichever level comes out on top, the chance that it
    is called better than an equal one is at most the level of the test. Of equal means the first
    wins.
    Raises `ValueError` without two levels of the same tasks.
    """
    if len(levels) < 2:
        raise ValueError("one level has no rival")
    totals = [math.fsum(values) for values in levels]
    top = max(range(len(levels)), key=totals.__getitem__)
    pairs = list(combinations(range(len(levels)), 2))
    found = [difference(levels[j], levels[i]) for i, j in pairs]
    rivals = {}
    for (i, j), d, p in zip(pairs, found, holm([d.p for d in found]), strict=True):
        if top in (i, j):
            other = j if i == top else i
            rivals[other] = Rival(other, d if i == top else difference(levels[i], levels[j]), p)
    return top, tuple(rivals[i] for i in sorted(rivals))


def simultaneous(count: int, level: float = 0.95) -> float:
    """The level of each interval so that those of all pairs of `count` hold together (Bonferroni).

    Then it does not matter which of them is looked at, nor why.
    """
    return 1 - (1 - level) / max(1, math.comb(count, 2))
