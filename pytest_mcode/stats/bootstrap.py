"""Intervals by drawing the tasks again: for figures whose error has no formula."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_mcode.stats.estimate import Tally

if TYPE_CHECKING:
    import numpy as np

ROUNDS = 2000


def redrawn(tasks: Sequence[int], rounds: int = ROUNDS, seed: int = 0) -> np.ndarray:
    """Row r: how many tasks of each group are in the r-th redraw of all tasks with replacement.

    `tasks` holds the sizes of groups of tasks with equal results; a group's count in a redraw is
    multinomial, so the cost does not grow with the number of tasks. Source: Efron 1979, Annals of
    Statistics 7:1. The same seed gives the same redraws: differences of figures are paired.
    Raises `ValueError` without tasks.
    """
    import numpy as np

    if sum(tasks) <= 0:
        raise ValueError("no tasks")
    chances = np.array(tasks) / sum(tasks)
    return np.random.default_rng(seed).multinomial(sum(tasks), chances, size=rounds)


def percentiles(figures: Sequence[float] | np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """The middle `level` of the figures that the redraws gave (percentile bootstrap)."""
    import numpy as np

    low, high = np.quantile(np.asarray(figures), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def mean_interval(
    tally: Tally, level: float = 0.95, rounds: int = ROUNDS, seed: int = 0
) -> tuple[float, float]:
    """Interval of the mean over tasks: a check of `estimate.estimate` that assumes no distribution.

    Where all tasks have the same value it has no width: near 0 % and 100 % believe Wilson instead.
    """
    import numpy as np

    values, tasks = np.array(list(tally)), list(tally.values())
    return percentiles(redrawn(tasks, rounds, seed) @ values / sum(tasks), level)
