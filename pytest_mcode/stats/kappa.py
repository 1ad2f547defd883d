"""How far two raters agree beyond chance: Cohen's kappa with its interval over tasks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from pytest_mcode.stats.bootstrap import percentiles, redrawn

Table = tuple[int, int, int, int]
"""Of one task: both yes; the first yes, the second no; the first no, the second yes; both no."""

FEW = 5
"""Tasks below which redrawing them says nothing."""


@dataclass(frozen=True)
class Kappa:
    """-1..1: 1 full agreement, 0 what chance gives. NaN where a rater never varies."""

    value: float
    low: float
    high: float
    """95 %; the whole range where the tasks are too few or too alike to tell."""


def kappa(tasks: Mapping[Table, int]) -> Kappa:
    """Cohen's kappa of all ratings, `tasks` counting the tasks with equal tables.

    (p_o - p_e) / (1 - p_e), p_o the share of equal ratings and p_e the share expected of raters
    with the same frequencies who rate independently. Source: Cohen 1960, Educational and
    Psychological Measurement 20:37. Ratings of one task are not independent, so the interval is a
    percentile bootstrap over tasks. Raises `ValueError` without ratings.
    """
    import numpy as np

    tables = np.array(list(tasks), dtype=float).reshape(-1, 4)
    counts = list(tasks.values())
    whole = np.array(counts) @ tables
    if whole.sum() <= 0:
        raise ValueError("no ratings")
    value = _kappa(*whole)
    if math.isnan(value) or sum(counts) < FEW:
        return Kappa(value, -1.0, 1.0)
    again = [_kappa(*row) for row in redrawn(counts) @ tables if row.sum() > 0]
    known = [found for found in again if not math.isnan(found)]
    low, high = percentiles(known)
    return Kappa(value, low, high) if low < high else Kappa(value, -1.0, 1.0)


def _kappa(both: float, first: float, second: float, neither: float) -> float:
    n = both + first + second + neither
    observed = (both + neither) / n
    expected = ((both + first) * (both + second) + (second + neither) * (first + neither)) / n**2
    return (observed - expected) / (1 - expected) if expected < 1 - 1e-12 else math.nan
