"""Does a technique bring more on hard tasks, or to another model?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import NamedTuple

from pytest_mcode.core.words import counted
from pytest_mcode.reports.study_cells import (
    LEVEL,
    POOLED,
    Answer,
    Cell,
    chance,
    groups,
    largest,
    level,
    points,
    shared,
    subject,
    words,
)
from pytest_mcode.stats.multiple import holm
from pytest_mcode.stats.paired import Difference, difference
from pytest_mcode.stats.unpaired import FEWEST, welch
from pytest_mcode.store import per_task
from pytest_mcode.store.reader import Reader

BINS = ("hard", "middle", "easy")
LEAST_SAMPLES = 4
"""Two to sort a task by, two to measure."""
Attempts = Sequence[tuple[int, int, bool]]
"""(sample, iteration, passed)."""


def difficulty(reader: Reader, cells: Sequence[Cell]) -> list[Answer]:
    """Gain of repairs by difficulty.

    The draws of even samples sort the tasks: hard, none of them passed; easy, all did; middle. The
    gain is that of the odd samples. With the same draws for both, tasks that were unlucky once
    would be called hard and gain by being drawn again (regression to the mean).
    """
    found = []
    for cell in largest(cells):
        last = cell.row.variant.debug_iters
        if last and cell.row.variant.samples >= LEAST_SAMPLES and not cell.short:
            attempts = per_task.verdicts(reader, cell.row.variant_id)
            found.append(_difficulty(subject([cell], cells, *POOLED), attempts, last))
    return found


def _difficulty(about: str, tasks: Mapping[str, Attempts], last: int) -> Answer:
    before: dict[str, list[float]] = {name: [] for name in BINS}
    after: dict[str, list[float]] = {name: [] for name in BINS}
    for attempts in tasks.values():
        drawn = [passed for sample, j, passed in attempts if sample % 2 == 0 and j == 0]
        name = "easy" if all(drawn) else "middle" if any(drawn) else "hard"
        before[name].append(_share(attempts, 0))
        after[name].append(_share(attempts, last))
    filled = [name for name in BINS if before[name]]
    seen = {name: difference(before[name], after[name]) for name in filled}
    shown = ", ".join(
        f"{name} ({counted(d.tasks, 'task')}) {points(d)}" for name, d in seen.items()
    )
    begin = f"Gain of {counted(last, 'repair')} by difficulty: {shown}"
    topic = "difficulty of tasks"
    rows = tuple((f"{name} tasks", d) for name, d in seen.items())
    changes = {n: [b - a for a, b in zip(before[n], after[n], strict=True)] for n in filled}
    contrast = welch(changes.get("easy", []), changes.get("hard", []))
    if contrast is None:
        sentence = (
            f"{begin}. Not enough data to tell hard from easy: each needs {FEWEST} tasks or more, "
            "with gains that vary."
        )
        return Answer(topic, about, sentence, False, rows)
    more = f"{100 * contrast.value:+.1f} [{100 * contrast.low:+.1f}, {100 * contrast.high:+.1f}]"
    if contrast.low <= 0 <= contrast.high:
        sentence = f"{begin}. Not enough data to tell hard from easy: {more} points."
        return Answer(topic, about, sentence, False, rows)
    which = "more" if contrast.value > 0 else "less"
    return Answer(topic, about, f"{begin}: hard tasks gain {which} ({more} points).", True, rows)


def _share(attempts: Attempts, iteration: int) -> float:
    """Share of the odd samples that passed by an iteration."""
    every = {sample for sample, _, _ in attempts if sample % 2}
    solved = {sample for sample, j, passed in attempts if sample % 2 and j <= iteration and passed}
    return len(solved) / len(every) if every else 0.0


def models(cells: Sequence[Cell], varied: Sequence[str]) -> list[Answer]:
    """Do models gain alike from a technique: its last level against its first?"""
    found = []
    for name in varied:
        if name == "debug_iters":
            whole = [cell for cell in largest(cells) if not cell.short]
            for group in groups(whole, "model"):
                found += _models(subject(group, cells, "model", *POOLED), name, _repairs(group))
        elif name not in ("benchmark", "model", "samples"):
            for group in groups(largest(cells), "model", name):
                about = subject(group, cells, "model", name, *POOLED)
                found += _models(about, name, _levels(group, name))
    return found


class _Gains(NamedTuple):
    """Per model the gain on each task, -1..1, of one sample."""

    first: str
    last: str
    by_model: dict[str, list[float]]


def _repairs(group: Sequence[Cell]) -> _Gains:
    """From no repair to all of them, in the same samples."""
    tasks, last = shared(group), min(cell.row.variant.debug_iters for cell in group)
    gains = {c.row.variant.model: [c.share(t, last) - c.share(t) for t in tasks] for c in group}
    return _Gains("0", str(last), gains)


def _levels(group: Sequence[Cell], name: str) -> _Gains:
    """From the first to the last level that were planned."""
    tasks, by_model = shared(group), {}
    names = list(dict.fromkeys(level(cell, name) for cell in group))
    cells = {(c.row.variant.model, level(c, name)): c for c in group}
    for model in dict.fromkeys(c.row.variant.model for c in group):
        before, after = cells.get((model, names[0])), cells.get((model, names[-1]))
        if before is not None and after is not None and before is not after:
            by_model[model] = [_reached(after, t) - _reached(before, t) for t in tasks]
    return _Gains(names[0], names[-1], by_model)


def _reached(cell: Cell, task: str) -> float:
    return cell.share(task, cell.row.variant.debug_iters)


def _models(about: str, name: str, found: _Gains) -> list[Answer]:
    gains = found.by_model
    if len(gains) < 2 or not all(gains.values()) or found.first == found.last:
        return []
    pairs = list(combinations(gains, 2))
    seen = [_difference(gains, a, b) for a, b in pairs]
    adjusted = holm([d.p for _, d in seen])
    technique = f"{words(name)} {found.last} instead of {found.first}"
    means = ", ".join(f"{m} {100 * sum(g) / len(g):+.1f}" for m, g in gains.items())
    begin = f"{technique} gains, in points: {means}"
    clear = [i for i, p in enumerate(adjusted) if p < LEVEL]
    topic = f"models and {words(name)}"
    if not clear:
        widest = max((d for _, d in seen), key=lambda d: d.high - d.low)
        sentence = f"{begin}. Not enough data to tell them apart: {points(widest)}."
        return [Answer(topic, about, sentence, False, tuple(seen))]
    parts = "; ".join(
        f"{seen[i][0]} by {points(seen[i][1])} ({chance(adjusted[i])})" for i in clear
    )
    return [Answer(topic, about, f"{begin}. {parts}.", True, tuple(seen))]


def _difference(gains: Mapping[str, list[float]], a: str, b: str) -> tuple[str, Difference]:
    """Who gains more, and by how much; gains are -1..1, halved for a test of values in 0..1."""
    if sum(gains[a]) > sum(gains[b]):
        a, b = b, a
    less, more = ([(x + 1) / 2 for x in gains[model]] for model in (a, b))
    found = difference(less, more)
    whole = replace(found, value=2 * found.value, low=2 * found.low, high=2 * found.high)
    return f"{b} gains more than {a}", whole
