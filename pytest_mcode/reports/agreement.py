"""A judge's opinions beside the verdicts of the tests: counts, agreement, kappa."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytest_mcode.core.words import counted
from pytest_mcode.stats.estimate import Estimate, estimate
from pytest_mcode.stats.kappa import Kappa, Table, kappa

Opinions = Mapping[str, Mapping[tuple[bool | None, bool], int]]
"""Task id -> (opinion, passed) -> draws."""


@dataclass(frozen=True)
class Agreement:
    """Draws of one variant, as judge and tests see them."""

    counts: Table
    """Accepted and passed; accepted and not passed; rejected and passed; rejected, not passed."""
    silent: int
    """Draws on which the judge said neither yes nor no, or that held no code to be judged."""
    equal: Estimate | None = None
    """Share of judged draws on which both agree, mean over tasks; None without any."""
    kappa: Kappa | None = None

    @property
    def judged(self) -> int:
        """Draws with an opinion."""
        return sum(self.counts)


def agreement(opinions: Opinions) -> Agreement:
    """Of all tasks of a variant."""
    tables = [_table(found) for found in opinions.values()]
    silent = sum(
        draws for found in opinions.values() for (said, _), draws in found.items() if said is None
    )
    judged = Counter(table for table in tables if sum(table))
    if not judged:
        return Agreement((0, 0, 0, 0), silent)
    shares: Counter[float] = Counter()
    for table, tasks in judged.items():
        shares[(table[0] + table[3]) / sum(table)] += tasks
    a, b, c, d = (sum(table[i] * n for table, n in judged.items()) for i in range(4))
    return Agreement((a, b, c, d), silent, estimate(shares), kappa(judged))


def _table(found: Mapping[tuple[bool | None, bool], int]) -> Table:
    def count(said: bool, passed: bool) -> int:
        return found.get((said, passed), 0)

    return count(True, True), count(True, False), count(False, True), count(False, False)


def lines(found: Agreement) -> Sequence[str]:
    """A table of four counts and the two figures; nothing where the judge was silent."""
    if not found.judged:
        return []
    a, b, c, d = (f"{count:,}" for count in found.counts)
    made = [
        f"{'judge and tests':24}{'passed':>12}{'not passed':>12}",
        f"{'  judge accepts':24}{a:>12}{b:>12}",
        f"{'  judge rejects':24}{c:>12}{d:>12}",
    ]
    if found.equal is not None and found.kappa is not None:
        same = found.equal
        made.append(
            f"  agreement {100 * same.value:.1f} % [{100 * same.low:.1f}, {100 * same.high:.1f}],"
            f" {_kappa(found.kappa)}"
        )
    return made


def silence(found: Agreement) -> str:
    """What must be known of a judge that said neither yes nor no of some draws, or of all."""
    if not found.judged:
        return (
            f"JUDGE: no opinion (yes or no) on any of {counted(found.silent, 'draw')}: the first "
            "of each task was handed in, and what it is worth says nothing of judging."
        )
    every = counted(found.judged + found.silent, "draw")
    return f"JUDGE: no opinion (yes or no) on {found.silent:,} of {every}: not accepted."


def _kappa(found: Kappa) -> str:
    if math.isnan(found.value):
        return "Cohen's kappa undefined: one of them never varies"
    return f"Cohen's kappa {found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"
