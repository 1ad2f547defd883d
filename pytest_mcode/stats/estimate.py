"""A rate over tasks with its 95 % interval.

The task is the unit that was drawn from a population; its samples are not independent of each
other. Every interval here is therefore over tasks, however many samples each task has.

A `Tally` maps the value of one task (its estimate, 0..1) to the number of tasks that have it; it
keeps a million tasks as small as the few values they take. `collections.Counter(values)` is one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Tally = Mapping[float, int]

Z95 = 1.959963984540054
"""The 97.5 % quantile of the standard normal distribution."""

FEW = 5.0
"""Below this many expected successes or failures the normal approximation is not trusted."""


@dataclass(frozen=True)
class Estimate:
    """A rate and the interval that covers the true rate in 95 of 100 repetitions."""

    value: float
    """The rate, 0..1."""
    low: float
    high: float
    tasks: int
    """Number of tasks that the rate is a mean of."""
    method: Literal["wilson", "clustered"]


def wilson(successes: float, trials: int, z: float = Z95) -> tuple[float, float]:
    """Score interval of a proportion, 0..1; sane at 0 and at `trials` successes.

    (p + z^2/2T +- z sqrt(p(1-p)/T + z^2/4T^2)) / (1 + z^2/T) with p = successes/T, T = trials.
    Source: Wilson 1927, JASA 22:209. Raises `ValueError` for no trials or impossible successes.
    """
    if trials <= 0 or not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes in {trials} trials")
    p = successes / trials
    scale = 1 + z * z / trials
    centre = (p + z * z / (2 * trials)) / scale
    half = z / scale * math.sqrt(p * (1 - p) / trials + z * z / (4 * trials * trials))
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == trials else min(1.0, centre + half)
    return low, high


def mean_and_error(tally: Tally) -> tuple[float, float]:
    """Mean of the per-task values and its standard error, clustered by task.

    SE = sqrt(sum_t (v_t - mean)^2 / (T (T-1))), the central limit theorem over tasks.
    Source: Miller 2024, "Adding Error Bars to Evals", arXiv 2411.00640, sections 2.1 and 2.2.
    One task has no spread: its error is infinite. Raises `ValueError` without tasks.
    """
    tasks = sum(tally.values())
    if tasks <= 0:
        raise ValueError("no tasks")
    mean = math.fsum(value * count for value, count in tally.items()) / tasks
    if tasks == 1:
        return mean, math.inf
    squares = math.fsum(count * (value - mean) ** 2 for value, count in tally.items())
    return mean, math.sqrt(squares / (tasks * (tasks - 1)))


def estimate(tally: Tally, z: float = Z95) -> Estimate:
    """The mean over tasks with its interval.

    Values of only 0 and 1 (one sample per task, "any of n"): Wilson. Fractions: mean +- z SE,
    clustered by task, clipped to 0..1. Where fewer than five successes or failures are expected
    (T mean < 5 or T (1 - mean) < 5) the normal approximation breaks and claims certainty at 0 % and
    100 %; there Wilson over the tasks is taken, which is wide enough for any values in 0..1 since
    none has a larger variance than mean (1 - mean). Raises `ValueError` without tasks.
    """
    mean, error = mean_and_error(tally)
    mean = min(1.0, max(0.0, mean))
    tasks = sum(tally.values())
    binary = all(value in (0, 1) for value, count in tally.items() if count)
    if binary or min(mean, 1 - mean) * tasks < FEW:
        return Estimate(mean, *wilson(mean * tasks, tasks, z), tasks, "wilson")
    half = z * error
    return Estimate(mean, max(0.0, mean - half), min(1.0, mean + half), tasks, "clustered")
