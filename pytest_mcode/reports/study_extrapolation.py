"""What more samples than were drawn would give: a guess, flagged in words and drawn dashed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from pytest_mcode.core.words import counted
from pytest_mcode.reports.choices import allowed
from pytest_mcode.reports.study_cells import POOLED, Answer, Cell, largest, subject
from pytest_mcode.stats.curve import Point
from pytest_mcode.stats.estimate import mean_and_error
from pytest_mcode.stats.extrapolation import extrapolate
from pytest_mcode.stats.pass_at_k import pass_at_k_tally

FEWEST_DRAWS = 10
"""Per task: from fewer the guess was not tried on large pools (docs/statistics.md)."""
FEWEST_TASKS = 100
"""The guess was tried on 164 and 500 tasks."""
REACH = 5
"""Times the draws: as far as from 20 draws of CodeGen-16B to its 100, where the truth is known."""
MISFIT = 0.03
"""The fit is not gone on with where it misses the measured rate by more: on parts of both models'
real draws it missed by 2.2 points at most, and by 6 where half of the tasks cannot be solved."""

Guesses = Mapping[str, tuple[Point, ...]]
"""Subject of a pool -> the fitted curve from its draws on, the last point being the furthest."""


def guesses(cells: Sequence[Cell]) -> Guesses:
    """Of each largest cell whose draws and tasks are enough, and which the models fit."""
    found = {}
    for cell in largest(cells):
        n = cell.row.variant.samples
        many = n >= FEWEST_DRAWS and len(cell.results) >= FEWEST_TASKS
        if many and not cell.short and cell.row.counts.complete and "pass@k" in allowed(cell.row):
            counts = Counter((r.samples, r.passes()) for r in cell.results.values())
            curve = extrapolate(counts, (n, 2 * n, REACH * n))
            measured = pass_at_k_tally(counts, n)
            if curve and abs(curve[0].value - mean_and_error(measured)[0]) <= MISFIT:
                found[subject([cell], cells, *POOLED)] = curve
    return found


def answers(found: Guesses) -> list[Answer]:
    """In words, never without saying that it is a guess."""
    return [
        Answer("extrapolation", about, _sentence(curve), False) for about, curve in found.items()
    ]


def _sentence(curve: Sequence[Point]) -> str:
    last = curve[-1]
    return (
        f"Extrapolated, not measured: {counted(last.k, 'sample')} would reach about pass@{last.k} "
        f"= {_shown(last)} %, if the fit to the {curve[0].k} that were drawn goes on; only drawing "
        "them would show it."
    )


def _shown(point: Point) -> str:
    return f"{100 * point.value:.1f} [{100 * point.low:.1f}, {100 * point.high:.1f}]"
