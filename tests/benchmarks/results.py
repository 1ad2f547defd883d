"""What one run of the speed benchmark found."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from .slots import Slot


@dataclass(frozen=True)
class Whole:
    """All samples of codegen16b, verified in one go."""

    samples: int
    seconds: float
    endless: int
    endless_s: float
    """Seconds that the endless ones held a slot, summed."""
    without_s: float
    """The others alone."""
    distinct: int
    once_s: float
    """The others through the verdict cache, which verifies each distinct one once."""


@dataclass
class Figures:
    """Everything that the table shows."""

    cores: int
    load: tuple[float, float, float]
    busy: float
    rates: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    """(contender, workload) -> programs per second in each round."""
    absent: dict[str, str] = field(default_factory=dict)
    slots: list[Slot] = field(default_factory=list)
    whole: Whole | None = None
    notes: list[str] = field(default_factory=list)

    def add(self, contender: str, workload: str, programs: int, seconds: float) -> None:
        """One contender's part of a round."""
        self.rates.setdefault((contender, workload), []).append(programs / seconds)

    def rate(self, contender: str, workload: str) -> float | None:
        """Programs per second, the median of the rounds."""
        found: Sequence[float] = self.rates.get((contender, workload), ())
        return statistics.median(found) if found else None

    def ratio(self, above: tuple[str, str], below: tuple[str, str]) -> float | None:
        """How many times as fast: the median over the rounds of the ratio within a round."""
        pairs = list(zip(self.rates.get(above, ()), self.rates.get(below, ()), strict=False))
        return statistics.median(a / b for a, b in pairs) if pairs else None
