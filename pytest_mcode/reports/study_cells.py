"""The cells of a study, the groups of them that may be compared, and the words for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from pytest_mcode.core.words import counted
from pytest_mcode.reports.comparison_factors import differences, options
from pytest_mcode.reports.summary import VariantSummary
from pytest_mcode.stats.paired import Difference
from pytest_mcode.stats.unpaired import tasks_for
from pytest_mcode.store.per_task import TaskResult
from pytest_mcode.store.queries import VariantRow

GRID = ("benchmark", "model", "samples", "debug_iters", "strategy", "feedback")
"""Fields of a variant that may vary; all others are in its `options`."""

POOLED = ("samples", "debug_iters")
"""Dimensions that are read off one pool: the largest cell has what the smaller ones have."""
LEVEL = 0.05
"""p below which a difference is told as one."""
WITHIN = 0.05
"""Five points: a difference that matters, where a question needs one."""


@dataclass(frozen=True)
class Cell:
    """One cell with what it measured, task by task."""

    summary: VariantSummary
    results: Mapping[str, TaskResult]
    solved: Mapping[str, bool]
    """Whether what was handed in passed."""
    tokens: float = 0.0
    """Completion tokens per task, as if all had been drawn for it; 0 where not all are known."""

    @property
    def row(self) -> VariantRow:
        """The variant as the store has it."""
        return self.summary.row

    @cached_property
    def short(self) -> bool:
        """A task has fewer draws than planned: shares of its draws would be biased."""
        early = self.row.variant.stops_early
        return early or any(
            found.samples < self.row.variant.samples for found in self.results.values()
        )

    @property
    def chooses(self) -> bool:
        """Whether its strategy hands in one of its answers: `solved` is of that one alone."""
        return any(found.chosen is not None for found in self.results.values())

    def share(self, task: str, iteration: int = 0) -> float:
        """Share of a task's samples that were solved by an iteration, 0..1; of a cell that is
        `short` whether the first one was: where draws end at a pass, their share is too high."""
        found = self.results[task]
        if self.short:
            return float(found.first_passed)
        return found.passes(iteration) / found.samples if found.samples else 0.0


@dataclass(frozen=True)
class Answer:
    """What the data say to one question, about one subject."""

    topic: str
    subject: str
    """Benchmark, model and the further settings that it is about."""
    sentence: str
    enough: bool
    """False: the data do not decide it, and the sentence says what would."""
    differences: tuple[tuple[str, Difference], ...] = ()
    """What the sentence rests on, paired over tasks."""


def level(cell: Cell, name: str) -> str:
    """A dimension's value in a cell, as text."""
    variant = cell.row.variant
    if name in GRID:
        return str(getattr(variant, name))
    return options(variant).get(name.replace("_", "-"), "")


def dimensions(cells: Sequence[Cell]) -> tuple[str, ...]:
    """The names of what differs between the cells."""
    own = {name.replace("-", "_") for cell in cells for name in options(cell.row.variant)}
    names = (*GRID, *sorted(own))
    return tuple(name for name in names if len({level(cell, name) for cell in cells}) > 1)


def groups(cells: Sequence[Cell], *free: str) -> Iterator[list[Cell]]:
    """Cells that differ in the free dimensions and in nothing else that may move a number."""
    allowed = {name.replace("_", "-") for name in free}
    found: list[list[Cell]] = []
    for cell in cells:
        for group in found:
            if set(differences(group[0].row, cell.row)) <= allowed:
                group.append(cell)
                break
        else:
            found.append([cell])
    yield from found


def subject(group: Sequence[Cell], every: Sequence[Cell], *free: str) -> str:
    """What a group is about, in words; where these fit another too, which runs measured under
    other conditions, with the fingerprint of its largest cell."""
    names = [n for n in dimensions(every) if n not in (*GRID[:2], *free)]

    def said(cell: Cell) -> str:
        model = [] if "model" in free else [cell.row.variant.model]
        more = [f"{words(name)} {level(cell, name)}" for name in names]
        return ", ".join([cell.row.variant.benchmark, *model, *more])

    about = said(group[0])
    alike = [cell for cell in every if said(cell) == about]
    if len(list(groups(alike, *free))) == 1:
        return about
    return f"{about}, fingerprint {largest(group)[0].row.fingerprint[:8]}"


def words(name: str) -> str:
    """A dimension for people."""
    return {"debug_iters": "repairs"}.get(name, name.replace("_", "-"))


def shared(group: Sequence[Cell]) -> list[str]:
    """The tasks that all cells have measured, in the order of the plan."""
    return [t for t in group[0].results if all(t in cell.results for cell in group)]


def largest(cells: Sequence[Cell]) -> list[Cell]:
    """Of cells that differ in samples and repairs alone the one whose draws hold all others'."""
    return [
        max(group, key=lambda c: (c.row.variant.samples, c.row.variant.debug_iters))
        for group in groups(cells, *POOLED)
    ]


def steps(cells: Sequence[Cell], cell: Cell, name: str) -> list[int]:
    """The levels of a pooled dimension in the group of a largest cell, rising."""
    group = next(g for g in groups(cells, *POOLED) if cell in g)
    return sorted({getattr(c.row.variant, name) for c in group})


def points(found: Difference, sign: float = 1) -> str:
    """`+2.1 [-0.4, +4.6] points`."""
    low, high = sorted((sign * found.low, sign * found.high))
    return f"{100 * sign * found.value:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}] points"


def tasks_to_see(found: Difference) -> str:
    """Tasks with which five points would be found with 80 % power: 5 = (1.96 + 0.84) SE."""
    half = (found.high - found.low) / 2
    return about_tasks(tasks_for(found.tasks, half * 2.8 / 1.96, WITHIN))


def about_tasks(needed: int | None) -> str:
    """How many tasks would decide."""
    return f"about {counted(needed, 'task')}" if needed else "no number of tasks"


def chance(p: float) -> str:
    """`p = 0.031`."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
