"""The sign-flip permutation test of paired differences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np

Alternative = Literal["two-sided", "less", "greater"]

LATTICE = 500_000
"""The largest sum of whole steps for which the distribution is written out."""
TRIED = 16
"""Differences up to which all flips are tried where it is not."""
ROUNDS = 100_000
"""Random flips of more."""
AT_ONCE = 1_000_000
"""Signs that are in memory."""


def sign_flip(d: Sequence[float], alternative: Alternative = "two-sided", seed: int = 0) -> float:
    """p of H0: each difference is as likely to have the other sign; the statistic is their sum.

    Exact where the differences are shares of samples: they are whole multiples of one step, so the
    distribution of the sum over all 2^T flips is a convolution. For differences of 0 and +-1 that
    is the exact McNemar test. Exact too where there are so few that all flips are tried. Otherwise
    (1 + hits) / (1 + R) of R = 100,000 seeded random flips, which never understates p on average
    (Phipson and Smyth 2010, SAGMB 9:39).
    Source: Fisher 1935, "The Design of Experiments", section 21. All differences zero: p = 1.
    """
    d = [x for x in d if x]
    if not d:
        return 1.0
    if len({abs(x) for x in d}) == 1:
        upper, lower = _binomial(sum(x > 0 for x in d), sum(x < 0 for x in d))
        return _of(alternative, upper, lower)
    steps = _steps([abs(x) for x in d])
    total = math.fsum(d)
    if steps is not None:
        upper, lower = _exact(steps, round(total / math.fsum(map(abs, d)) * sum(steps)))
    elif len(d) <= TRIED:
        upper, lower = _tried(d, total)
    else:
        upper, lower = _sampled(d, total, seed)
    return _of(alternative, upper, lower)


def _of(alternative: Alternative, upper: float, lower: float) -> float:
    if alternative == "two-sided":
        return min(1.0, 2 * min(upper, lower))
    return upper if alternative == "greater" else lower


def _binomial(plus: int, minus: int) -> tuple[float, float]:
    """The same for differences of one size, of which only the signs count: at once, for any T."""
    from scipy.special import bdtr

    return float(bdtr(minus, plus + minus, 0.5)), float(bdtr(plus, plus + minus, 0.5))


def _steps(sizes: Sequence[float]) -> list[int] | None:
    """The sizes in whole multiples of their common step; None where there is no coarse one."""
    parts = [Fraction(size).limit_denominator(10_000) for size in sizes]
    if any(abs(float(part) - size) > 1e-9 for part, size in zip(parts, sizes, strict=True)):
        return None
    unit = math.lcm(*(part.denominator for part in parts))
    steps = [int(part * unit) for part in parts]
    common = math.gcd(*steps) or 1
    return [step // common for step in steps] if sum(steps) // common <= LATTICE else None


def _exact(steps: Sequence[int], total: int) -> tuple[float, float]:
    """P(sum >= total), P(sum <= total) over all flips."""
    import numpy as np

    chance: np.ndarray = np.zeros(sum(steps) + 1)
    chance[0] = 1.0
    reached = 0
    for step in sorted(steps):
        # Element i: the steps that kept a plus sign sum up to i.
        chance[: reached + step + 1] *= 0.5
        grown = chance[: reached + 1].copy()
        chance[step : reached + step + 1] += grown
        reached += step
    plus = (total + reached) // 2
    return min(1.0, float(chance[plus:].sum())), min(1.0, float(chance[: plus + 1].sum()))


def _tried(d: Sequence[float], total: float) -> tuple[float, float]:
    """The same by all 2^T flips."""
    import numpy as np

    sums: np.ndarray = np.zeros(1)
    for x in d:
        sums = np.concatenate((sums + x, sums - x))
    return float((sums >= total - 1e-9).mean()), float((sums <= total + 1e-9).mean())


def _sampled(d: Sequence[float], total: float, seed: int) -> tuple[float, float]:
    import numpy as np

    dice = np.random.default_rng(seed)
    sizes = np.array(d)
    above = below = 1
    some = max(1, min(1000, AT_ONCE // len(d)))
    for done in range(0, ROUNDS, some):
        flips = min(some, ROUNDS - done)
        sums = dice.choice((-1.0, 1.0), size=(flips, len(d))) @ sizes
        above += int((sums >= total - 1e-9).sum())
        below += int((sums <= total + 1e-9).sum())
    return above / (ROUNDS + 1), below / (ROUNDS + 1)
