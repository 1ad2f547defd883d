"""What one success costs: a ratio of two sums over tasks, with its 95 % interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_mcode.stats.estimate import Z95


@dataclass(frozen=True)
class Ratio:
    """A ratio and the interval that covers the true one in 95 of 100 repetitions."""

    value: float
    low: float
    high: float
    """Infinite where too few successes were seen to bound it."""
    tasks: int


def ratio(spent: Sequence[float], gained: Sequence[float], z: float = Z95) -> Ratio | None:
    """R = sum_t spent_t / sum_t gained_t over tasks t; None when nothing was gained.

    Interval: all R with (x - R y)^2 <= z^2 (v_xx - 2 R v_xy + R^2 v_yy), x and y the means over the
    T tasks of what was spent and gained, v the covariances of these means,
    v_xy = sum_t (x_t - x)(y_t - y) / (T (T - 1)). It takes into account that costly tasks are
    seldom solved. Where the successes are so few that y may be zero it has no upper end, which the
    linearized ratio estimator (Cochran 1977, "Sampling Techniques", section 6.3) would hide.
    Source: Fieller 1954, JRSS B 16:175. One task has no spread: its interval is unbounded.
    Raises `ValueError` for sequences of different length.
    """
    pairs = list(zip(spent, gained, strict=True))
    total = math.fsum(gained)
    if not pairs or total <= 0:
        return None
    tasks = len(pairs)
    x, y = math.fsum(spent) / tasks, total / tasks
    value = x / y
    if tasks == 1:
        return Ratio(value, 0.0, math.inf, tasks)
    scale = z * z / (tasks * (tasks - 1))
    xx = scale * math.fsum((a - x) ** 2 for a in spent)
    yy = scale * math.fsum((b - y) ** 2 for b in gained)
    xy = scale * math.fsum((a - x) * (b - y) for a, b in pairs)
    return Ratio(value, *_roots(y * y - yy, x * y - xy, x * x - xx), tasks)


def _roots(a: float, b: float, c: float) -> tuple[float, float]:
    """The part above zero of {R: a R^2 - 2 b R + c <= 0} that holds the estimate."""
    root = math.sqrt(max(0.0, b * b - a * c))
    if a > 0:
        return max(0.0, (b - root) / a), (b + root) / a
    return (max(0.0, (b - root) / a) if a < 0 < c else 0.0), math.inf
