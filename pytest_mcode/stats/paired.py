"""Is b better than a on the same tasks? Differences b - a per task, their interval and p.

Pairing takes the difficulty of the tasks out of the noise. The unit is the task: `a` and `b` hold
one value per task, 0..1 and in the same order (a share of samples solved, or 0 and 1).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pytest_mcode.stats.score import interval as score_interval
from pytest_mcode.stats.score import score
from pytest_mcode.stats.sign_flip import Alternative, sign_flip

FEW = 10
"""With fewer tasks than this beside the commonest difference, Student's t is not trusted."""

ABOVE_ZERO = math.ulp(0.0)
"""The end of an interval that goes down to zero and does not hold it; shown as `+0.00`, and as
`-0.00` where it goes up to zero."""

Method = Literal["mcnemar", "t", "sign-flip"]

Tally = Counter[float]
"""Difference -> tasks: a million tasks are as few as the values they take."""


@dataclass(frozen=True)
class Difference:
    """The mean difference b - a over tasks."""

    value: float
    """-1..1; above zero b is better."""
    low: float
    high: float
    """The interval that covers the true difference in 95 of 100 repetitions (or `level`)."""
    p: float
    """Two-sided: how often a difference at least this large comes up where there is none."""
    tasks: int
    won: int
    """Tasks on which b is better."""
    lost: int
    method: Method
    """What p is from."""


def difference(a: Sequence[float], b: Sequence[float], level: float = 0.95) -> Difference:
    """Mean of d_t = b_t - a_t over tasks t with interval and two-sided p.

    Only 0 and 1 on both sides: p from the exact McNemar test, the interval by Tango's score method
    (`score.interval`). Otherwise Student's paired t: mean +- t sd(d) / sqrt(T), T - 1 degrees of
    freedom (Miller 2024, arXiv 2411.00640, section 4). Where fewer than ten tasks differ otherwise
    than the commonest way (nearly all tie, or there are few tasks) t would claim too much, up to an
    interval without width; there p is from the exact sign-flip test and the interval is Tango's
    with the sums of gains and of losses for won and lost tasks, wide enough for any values since
    none in 0..1 have a larger variance than wins and losses of a whole task with the same sums.

    Interval and p agree: where the exact test keeps zero the interval is extended to it, where the
    test excludes it the interval ends beside it, so zero lies outside where p < 1 - level and
    inside where p > 1 - level. An end that is set at zero has the sign of its side: as shown,
    [+0.00, +0.30] does not hold zero and [-0.00, +0.30] does. One-sided bounds at level alpha are
    `low` and `high` at `level = 1 - 2 alpha`.
    Raises `ValueError` without tasks, for unequal lengths and for values outside 0..1.
    """
    d, binary = _differences(a, b)
    method, tasks = _method(d, binary), d.total()
    value, tail = _sum(d) / tasks, (1 - level) / 2
    if method == "t":
        error = _error(d) * _t_quantile(1 - tail, tasks - 1)
        low, high = max(-1.0, value - error), min(1.0, value + error)
    else:
        low, high = score_interval(*_gains_and_losses(d), tasks, level)
        if value > 0:
            low = min(-0.0, low) if _exact(d, "greater") > tail else max(low, ABOVE_ZERO)
        elif value < 0:
            high = max(high, 0.0) if _exact(d, "less") > tail else min(high, -ABOVE_ZERO)
    return Difference(
        value, low, high, _p(d, method, "two-sided", 0.0), tasks, *_won_and_lost(d), method
    )


def p_value(
    a: Sequence[float],
    b: Sequence[float],
    alternative: Alternative = "two-sided",
    shift: float = 0.0,
) -> float:
    """p of H0: mean(b - a) = shift; `greater`: H0 is <= shift, `less`: H0 is >= shift.

    That b is at most 0.02 worse (non-inferiority with this margin) is
    `p_value(a, b, "greater", shift=-0.02)`. The method is that of `difference`, but at a shift
    other than zero Tango's score test stands for McNemar's and the sign-flip test.
    """
    d, binary = _differences(a, b)
    return _p(d, _method(d, binary), alternative, shift)


def mcnemar(won: int, lost: int, alternative: Alternative = "two-sided") -> float:
    """Exact McNemar test: p of H0 that a task that differs is won or lost with equal chance.

    P(X >= won) for `greater`, P(X <= won) for `less`, twice the smaller (at most 1) for
    `two-sided`; X ~ Binomial(won + lost, 1/2). No continuity correction, no mid-p: the error rate
    never exceeds the level. Source: McNemar 1947, Psychometrika 12:153. No task differs: p = 1.
    """
    from scipy.special import bdtr

    if won < 0 or lost < 0:
        raise ValueError(f"{won} tasks won, {lost} lost")
    n = won + lost
    upper = float(bdtr(lost, n, 0.5)) if n else 1.0
    lower = float(bdtr(won, n, 0.5)) if n else 1.0
    if alternative == "two-sided":
        return min(1.0, 2 * min(upper, lower))
    return upper if alternative == "greater" else lower


def permutation(
    a: Sequence[float], b: Sequence[float], alternative: Alternative = "two-sided", seed: int = 0
) -> float:
    """p of the sign-flip test of b - a (`sign_flip`), a check that assumes no distribution."""
    return sign_flip(list(_differences(a, b)[0].elements()), alternative, seed)


def _p(d: Tally, method: Method, alternative: Alternative, shift: float) -> float:
    tasks = d.total()
    if method == "t":
        return _from_upper(_t_upper((_sum(d) / tasks - shift) / _error(d), tasks), alternative)
    if shift == 0:
        return _exact(d, alternative)
    z = score(*_gains_and_losses(d), tasks, shift)
    return _from_upper(math.erfc(z / math.sqrt(2)) / 2, alternative)


def _exact(d: Tally, alternative: Alternative) -> float:
    """The sign-flip test, which is McNemar's where whole tasks are won or lost."""
    if all(x in (-1, 0, 1) for x in d):
        return mcnemar(*_won_and_lost(d), alternative)
    return sign_flip(list(d.elements()), alternative)


def _differences(a: Sequence[float], b: Sequence[float]) -> tuple[Tally, bool]:
    """Difference -> tasks, and whether all values are 0 or 1."""
    pairs = Counter(zip(a, b, strict=True))
    if not pairs:
        raise ValueError("no tasks")
    if any(not 0 <= value <= 1 for pair in pairs for value in pair):
        raise ValueError("values of tasks are 0..1")
    d: Tally = Counter()
    for (before, after), tasks in pairs.items():
        # Rounded: equal rates that were computed in two ways are no win.
        d[round(after - before, 12)] += tasks
    return d, all(value in (0, 1) for pair in pairs for value in pair)


def _method(d: Tally, binary: bool) -> Method:
    if binary:
        return "mcnemar"
    return "sign-flip" if d.total() - max(d.values()) < FEW else "t"


def _sum(d: Tally) -> float:
    return math.fsum(x * tasks for x, tasks in d.items())


def _won_and_lost(d: Tally) -> tuple[int, int]:
    return sum(n for x, n in d.items() if x > 0), sum(n for x, n in d.items() if x < 0)


def _gains_and_losses(d: Tally) -> tuple[float, float]:
    gains = math.fsum(x * tasks for x, tasks in d.items() if x > 0)
    return gains, math.fsum(-x * tasks for x, tasks in d.items() if x < 0)


def _error(d: Tally) -> float:
    """sd(d) / sqrt(T)."""
    tasks = d.total()
    mean = _sum(d) / tasks
    squares = math.fsum(n * (x - mean) ** 2 for x, n in d.items())
    return math.sqrt(squares / (tasks * (tasks - 1)))


def _t_upper(t: float, tasks: int) -> float:
    """P(T >= t) of Student's t with tasks - 1 degrees of freedom."""
    from scipy.special import stdtr

    return float(stdtr(tasks - 1, -t))


def _t_quantile(q: float, freedom: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, q))


def _from_upper(upper: float, alternative: Alternative) -> float:
    if alternative == "two-sided":
        return min(1.0, 2 * min(upper, 1 - upper))
    return upper if alternative == "greater" else 1 - upper
