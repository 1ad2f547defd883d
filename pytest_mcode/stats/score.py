"""Tango's score test and interval for a difference of two proportions on the same tasks."""

from __future__ import annotations

import math
from statistics import NormalDist


def score(won: float, lost: float, tasks: int, shift: float) -> float:
    """z of H0: the share won less the share lost is `shift`; standard normal under H0.

    z = (w - l - T s) / sqrt(T (2 q + s (1 - s))), q the most likely share of lost tasks under H0:
    q = (sqrt(B^2 - 4 A C) - B) / 2A, A = 2T, B = (2T - w + l) s - w - l, C = -l s (1 - s).
    It is McNemar's z at s = 0. Sane where no task differs, as sd(d) is not. Source: Tango 1998,
    Statistics in Medicine 17:891. `won` and `lost` may be sums of fractions.
    """
    gap = won - lost - tasks * shift
    b = (2 * tasks - won + lost) * shift - won - lost
    c = -lost * shift * (1 - shift)
    q = (math.sqrt(max(0.0, b * b - 8 * tasks * c)) - b) / (4 * tasks)
    variance = tasks * (2 * q + shift * (1 - shift))
    if variance <= 1e-12 * tasks:
        return 0.0 if abs(gap) < 1e-9 * tasks else math.copysign(math.inf, gap)
    return gap / math.sqrt(variance)


def interval(won: float, lost: float, tasks: int, level: float = 0.95) -> tuple[float, float]:
    """All shifts that the two-sided score test at 1 - level does not reject, -1..1.

    With no task won or lost it is -+ z^2 / (T + z^2), Wilson's bound for none of T.
    Raises `ValueError` without tasks or with more tasks won and lost than there are.
    """
    if tasks <= 0 or min(won, lost) < 0 or won + lost > tasks * (1 + 1e-9):
        raise ValueError(f"{won} won and {lost} lost of {tasks} tasks")
    z = NormalDist().inv_cdf((1 + level) / 2)

    def limit(rejected: float) -> float:
        """Where |score|, which falls from `rejected` to the observed difference, is z."""
        held = (won - lost) / tasks
        for _ in range(60):
            middle = (rejected + held) / 2
            if abs(score(won, lost, tasks, middle)) > z:
                rejected = middle
            else:
                held = middle
        return rejected

    return limit(-1.0), limit(1.0)
