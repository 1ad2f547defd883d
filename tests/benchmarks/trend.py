"""Whether a series of measurements at rest grows."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

FEWEST = 6
"""Looks below which nothing is said: two for each third."""


@dataclass(frozen=True)
class Column:
    """One measured quantity and how much of its change is noise."""

    name: str
    share: float = 0.05
    """Of its own size."""
    slack: float = 0.0
    """In its own unit."""


def judge_flat(column: Column, values: Sequence[float]) -> bool | None:
    """The rule: the last third's median exceeds the middle third's by no more than the noise.

    The first third is not looked at: caches fill, warm-up ends. Noise is the larger of the share
    and the slack. None if there are too few values.
    """
    if len(values) < FEWEST:
        return None
    middle, last = _thirds(values)
    return last - middle <= max(column.share * middle, column.slack)


def describe(name: str, values: Sequence[float], flat: bool | None) -> str:
    """A row of the table."""
    judged = {True: "flat", False: "NOT FLAT", None: f"fewer than {FEWEST} looks"}[flat]
    middle, last = _thirds(values) if len(values) >= FEWEST else (values[0], values[-1])
    shown = (values[0], values[-1], max(values), middle, last)
    return f"| {name} | {' | '.join(f'{value:.5g}' for value in shown)} | {judged} |"


def _thirds(values: Sequence[float]) -> tuple[float, float]:
    """The medians of the middle and of the last third."""
    third = len(values) // 3
    return statistics.median(values[third:-third]), statistics.median(values[-third:])
