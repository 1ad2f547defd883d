"""What looking early costs and saves, by simulation on a real pool of samples.

Two runs of as many tasks as the pool has, redrawn from it; a task's chance to be solved is the
share of its samples that passed, lower by a common factor in the second run, so that the rate drops
by so many points. Tests are one-sided at 5 % for a drop.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from pytest_mcode.stats.paired import p_value
from pytest_mcode.stats.sequential import levels

ALPHA = 0.05
LOOKS = tuple(i / 8 for i in range(1, 9))
SETTINGS = ((1, 0.0), (1, 0.06), (1, 0.10), (10, 0.0), (10, 0.03), (10, 0.06))
"""(samples per task, drop)."""


@dataclass
class Tried:
    """A way to look."""

    name: str
    stopped: int = 0
    tasks: int = 0
    """Sum over trials of the tasks that were needed."""

    def add(self, after: int | None, tasks: int) -> None:
        """A trial that stopped after so many tasks, or not at all."""
        self.stopped += after is not None
        self.tasks += tasks if after is None else after


def pocock(fraction: float, alpha: float) -> float:
    """Spending that gives every look about the same level (Lan and DeMets 1983)."""
    return alpha * math.log(1 + (math.e - 1) * fraction)


def bet(d: Sequence[float]) -> int | None:
    """Tasks after which a betting test rejects that the mean difference is >= 0.

    Wealth multiplies by 1 - stake d; rejected when it reaches 1 / alpha (Waudby-Smith and Ramdas
    2024, JRSS B 86:1, predictable plug-in stakes). Valid after every task, for any differences.
    """
    wealth, total, squares = 0.0, 0.0, 0.25
    for tasks, value in enumerate(d):
        stake = min(0.75, math.sqrt(2 * math.log(1 / ALPHA) * (tasks + 1) / squares / len(d)))
        wealth += math.log1p(-stake * value) if total <= 0 else 0.0
        if wealth >= math.log(1 / ALPHA):
            return tasks + 1
        squares += (value - total / (tasks + 1)) ** 2
        total += value
    return None


def trial(
    chances: Sequence[float], samples: int, drop: float, dice: Random
) -> tuple[list[float], list[float]]:
    """Values of both runs on redrawn tasks."""
    factor = 1 - drop / (sum(chances) / len(chances))

    def share(p: float) -> float:
        return sum(dice.random() < p for _ in range(samples)) / samples

    tasks = dice.choices(chances, k=len(chances))
    return [share(p) for p in tasks], [share(p * factor) for p in tasks]


def simulate(chances: Sequence[float], samples: int, drop: float, trials: int) -> list[Tried]:
    """All ways on the same trials."""
    once, fleming, even, stakes = (
        Tried(name) for name in ("at the end only", "O'Brien-Fleming", "Pocock", "betting")
    )
    plans = (
        (once, (*(-1.0 for _ in LOOKS[1:]), ALPHA)),
        (fleming, levels(LOOKS, ALPHA)),
        (even, levels(LOOKS, ALPHA, pocock)),
    )
    dice, most = Random(51), len(chances)
    counts = [round(most * look) for look in LOOKS]
    for _ in range(trials):
        a, b = trial(chances, samples, drop, dice)
        ps = [p_value(a[:n], b[:n], "less") for n in counts]
        for tried, plan in plans:
            hits = (n for n, p, level in zip(counts, ps, plan, strict=True) if p <= level)
            tried.add(next(hits, None), most)
        stakes.add(bet([after - before for before, after in zip(a, b, strict=True)]), most)
    return [once, fleming, even, stakes]


def lines(chances: Sequence[float], trials: int) -> Iterator[str]:
    """A Markdown table: how often each way stopped for a drop, and after how many tasks."""
    yield "| samples | drop | at the end only | O'Brien-Fleming | Pocock | betting |"
    yield "|--:|--:|--:|--:|--:|--:|"
    for samples, drop in SETTINGS:
        cells = [
            f"{100 * tried.stopped / trials:.1f} % / {tried.tasks / trials:.0f}"
            for tried in simulate(chances, samples, drop, trials)
        ]
        yield f"| {samples} | {100 * drop:.0f} | {' | '.join(cells)} |"
