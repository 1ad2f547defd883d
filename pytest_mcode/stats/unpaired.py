"""Two groups of different tasks: does something bring more to the one than to the other?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

FEWEST = 10
"""Tasks in each group below which the t distribution is not trusted."""


@dataclass(frozen=True)
class Contrast:
    """mean(b) - mean(a), in the unit of the values, with its 95 % interval and two-sided p."""

    value: float
    low: float
    high: float
    p: float


def welch(a: Sequence[float], b: Sequence[float]) -> Contrast | None:
    """Welch's t test of two independent groups with variances of their own.

    SE^2 = s_a^2 / n_a + s_b^2 / n_b; degrees of freedom after Welch and Satterthwaite.
    None where a group has fewer than ten values or none of them varies: the interval would claim
    a certainty that nobody has. Source: Welch 1947, Biometrika 34:28.
    """
    if min(len(a), len(b)) < FEWEST:
        return None
    means = [math.fsum(group) / len(group) for group in (a, b)]
    errors = [
        math.fsum((x - mean) ** 2 for x in group) / (len(group) - 1) / len(group)
        for group, mean in zip((a, b), means, strict=True)
    ]
    error = math.sqrt(sum(errors))
    if error <= 1e-12:
        return None
    from scipy.special import stdtr, stdtrit

    freedom = sum(errors) ** 2 / sum(
        e * e / (len(group) - 1) for e, group in zip(errors, (a, b), strict=True)
    )
    value = means[1] - means[0]
    half = float(stdtrit(freedom, 0.975)) * error
    p = 2 * float(stdtr(freedom, -abs(value) / error))
    return Contrast(value, value - half, value + half, p)


def tasks_for(tasks: int, half_width: float, wanted: float) -> int | None:
    """Tasks with which an interval of this half width shrinks to the wanted one.

    T (h / w)^2, since an interval of a mean over tasks narrows with sqrt(T). None where no width
    above zero is wanted.
    """
    return math.ceil(tasks * (half_width / wanted) ** 2) if wanted > 0 else None
