"""What a paired comparison can see, computed before a run from a baseline's results.

Effects are differences of two rates, as fractions of 1: a drop of two points is 0.02.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np

Sides = Literal[1, 2]

MOST = 10_000_000
"""Where the search for a number of tasks or samples ends."""


@dataclass(frozen=True)
class Noise:
    """How much one task's difference moves where nothing has changed."""

    variance: float
    """Variance of the difference of one task's two values, mean over tasks."""
    binary: bool
    """Both sides have one sample per task: the test is McNemar's, and `variance` is the share of
    tasks that are expected to differ."""


def noise(baseline: Sequence[tuple[int, int]], samples: int, shift_sd: float = 0.0) -> Noise:
    """What to expect of a run of `samples` per task, from (n, c) of each task of the baseline.

    Var(d_t) = p_t (1 - p_t) (1/n + 1/samples) + shift_sd^2, averaged over tasks, with the unbiased
    c (n - c) / (n (n - 1)) for p_t (1 - p_t). `shift_sd` (a fraction) is how unequally a change
    hits the tasks: 0 if all alike, sqrt(e (1 - e)) if the effect e is whole tasks lost.
    Source: Miller 2024, arXiv 2411.00640, section 5.
    One sample tells nothing of a task's own chance: for tasks with n = 1 their mean solve rate is
    taken for each of them, which overstates the variance and so understates the power.
    Raises `ValueError` without tasks or samples.
    """
    if not baseline or samples < 1 or any(n < 1 or not 0 <= c <= n for n, c in baseline):
        raise ValueError("noise needs (n, c) of each task, 0 <= c <= n, and a number of samples")
    single = [c for n, c in baseline if n == 1]
    rate = sum(single) / len(single) if single else 0.0
    variances = (
        (c * (n - c) / (n * (n - 1)) if n > 1 else rate * (1 - rate)) * (1 / n + 1 / samples)
        for n, c in baseline
    )
    binary = samples == 1 and len(single) == len(baseline)
    return Noise(math.fsum(variances) / len(baseline) + shift_sd**2, binary)


def power(
    expected: Noise, effect: float, tasks: int, alpha: float = 0.05, sides: Sides = 2
) -> float:
    """Chance that a true difference of `effect` is found significant at `alpha`, 0..1.

    Paired t: P(t' > t_crit), t' noncentral with T - 1 degrees of freedom and effect sqrt(T / v).
    One sample per task on both sides: the exact McNemar test, summed over how many tasks differ
    (a share of v, at least `effect`) and how many of them are won. A non-inferiority test with
    margin m at a true difference d has the power of the effect m + d.
    Raises `ValueError` for an effect outside 0..1 or fewer than two tasks.
    """
    if not 0 <= effect <= 1 or tasks < 2:
        raise ValueError(f"power for an effect of {effect} on {tasks} tasks")
    if expected.binary:
        return _mcnemar(max(expected.variance, effect), effect, tasks, alpha / sides)
    if expected.variance <= 0:
        return 1.0 if effect > 0 else alpha
    return _paired_t(effect * math.sqrt(tasks / expected.variance), tasks - 1, alpha / sides)


def minimum_detectable(
    expected: Noise, tasks: int, alpha: float = 0.05, wanted: float = 0.8, sides: Sides = 2
) -> float | None:
    """The smallest effect that is found with the power `wanted`, 0..1; None where none is.

    About (z_{1 - alpha/sides} + z_wanted) sqrt(v / T) when there are many tasks. Where every task
    is always or never solved there is no noise, but a change is one of whole tasks: McNemar's test.
    """
    expected = _or_whole_tasks(expected)
    steps = 10_000
    found = _first(lambda i: power(expected, i / steps, tasks, alpha, sides) >= wanted, 1, steps)
    return None if found is None else found / steps


def tasks_needed(
    expected: Noise, effect: float, alpha: float = 0.05, wanted: float = 0.8, sides: Sides = 2
) -> int | None:
    """The fewest tasks on which `effect` is found with power `wanted`; None above 10 million.

    Without noise by whole tasks, as in `minimum_detectable`.
    """
    expected = _or_whole_tasks(expected)
    return _first(lambda t: power(expected, effect, t, alpha, sides) >= wanted, 2, MOST)


def samples_needed(
    baseline: Sequence[tuple[int, int]],
    effect: float,
    alpha: float = 0.05,
    wanted: float = 0.8,
    sides: Sides = 2,
) -> int | None:
    """The fewest samples per task, on both sides, that show `effect` on the baseline's own tasks.

    At least two: with one on each side the test is another (`tasks_needed`). None above 10 million.
    """
    one = noise(baseline, 1).variance - noise(baseline, MOST).variance
    tasks = len(baseline)

    def enough(samples: int) -> bool:
        return power(Noise(2 * one / samples, False), effect, tasks, alpha, sides) >= wanted

    return _first(enough, 2, MOST)


def _or_whole_tasks(expected: Noise) -> Noise:
    return expected if expected.variance > 0 else Noise(0.0, binary=True)


def _first(enough: Callable[[int], bool], low: int, most: int) -> int | None:
    """The smallest number from `low` to `most` that is enough, if more is never less so."""
    if enough(low):
        return low
    high = low
    while not enough(high):
        if high >= most:
            return None
        low, high = high, min(most, 2 * high)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _paired_t(shift: float, freedom: int, tail: float) -> float:
    from scipy.special import nctdtr, stdtrit

    return 1 - float(nctdtr(freedom, shift, stdtrit(freedom, 1 - tail)))


def _mcnemar(differing: float, effect: float, tasks: int, tail: float) -> float:
    """Sum over m of P(m tasks differ) P(few enough of m are lost to be significant)."""
    import numpy as np
    from scipy.special import bdtr

    middle, spread = tasks * differing, math.sqrt(tasks * differing * (1 - differing))
    m = np.arange(
        max(1, math.floor(middle - 9 * spread)), min(tasks, math.ceil(middle + 9 * spread)) + 1
    )
    lost = (differing - effect) / 2 / differing if differing else 0.5
    most = _most_lost(m, tail)
    found = np.where(most < 0, 0.0, bdtr(np.maximum(most, 0), m, lost))
    return float((_binomial(m, tasks, differing) * found).sum())


def _most_lost(m: np.ndarray, tail: float) -> np.ndarray:
    """The largest k with P(Binomial(m, 1/2) <= k) <= tail for each m; -1 where there is none."""
    import numpy as np
    from scipy.special import bdtr, ndtri

    k: np.ndarray = np.maximum(0, np.floor(m / 2 + ndtri(tail) * np.sqrt(m) / 2 + 2))
    while (over := (k >= 0) & (bdtr(np.maximum(k, 0), m, 0.5) > tail)).any():
        k = np.where(over, k - 1, k)
    return k


def _binomial(m: np.ndarray, n: int, p: float) -> np.ndarray:
    """P(Binomial(n, p) = m)."""
    import numpy as np
    from scipy.special import gammaln, xlog1py, xlogy

    ways = gammaln(n + 1) - gammaln(m + 1) - gammaln(n - m + 1)
    chance: np.ndarray = np.exp(ways + xlogy(m, p) + xlog1py(n - m, -p))
    return chance
