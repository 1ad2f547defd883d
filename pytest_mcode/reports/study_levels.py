"""Which level of a dimension is best: models by size, temperatures, strategies, ..."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

from pytest_mcode.core.words import counted
from pytest_mcode.reports.agreement import silence
from pytest_mcode.reports.study_cells import (
    LEVEL,
    POOLED,
    WITHIN,
    Answer,
    Cell,
    about_tasks,
    chance,
    groups,
    largest,
    level,
    points,
    shared,
    subject,
    tasks_to_see,
    words,
)
from pytest_mcode.stats import best as stats_best
from pytest_mcode.stats.paired import Difference, difference
from pytest_mcode.stats.unpaired import tasks_for


def smallest_model(cells: Sequence[Cell], order: Sequence[str]) -> list[Answer]:
    """The smallest model that is at most five points of pass@1 below the best."""
    found = []
    for group in groups(largest(cells), "model"):
        tasks = shared(group)
        if len(group) > 1 and tasks:
            found.append(
                _smallest(subject(group, cells, "model", *POOLED), by_size(group, order), tasks)
            )
    return found


def by_size(group: Sequence[Cell], order: Sequence[str]) -> list[Cell]:
    """By the billions of parameters in their names, or where one has none as the file lists."""
    sizes = {c.row.variant.model: size_of(c.row.variant.model) for c in group}
    if all(size is not None for size in sizes.values()):
        return sorted(group, key=lambda c: sizes[c.row.variant.model] or 0.0)
    known = list(order)
    return sorted(
        group,
        key=lambda c: known.index(c.row.variant.model) if c.row.variant.model in known else 99,
    )


def size_of(model: str) -> float | None:
    """Billions of parameters as the name has it (`qwen2.5-coder:7b`); None if it has none."""
    hit = re.search(r"(?<![\w.])(\d+(?:\.\d+)?)b(?![a-z])", model.lower().replace("_", "-"))
    return float(hit.group(1)) if hit else None


def _smallest(about: str, ordered: Sequence[Cell], tasks: Sequence[str]) -> Answer:
    rates = [[cell.share(task) for task in tasks] for cell in ordered]
    best = max(range(len(ordered)), key=lambda i: sum(rates[i]))
    level_of = stats_best.simultaneous(len(ordered))  # the best was picked by looking
    names = [cell.row.variant.model for cell in ordered]
    against = {i: difference(rates[best], rates[i], level_of) for i in range(best)}
    seen = tuple((f"{names[i]} less {names[best]}", found) for i, found in against.items())
    lead = f"{names[best]} is the best (pass@1 {100 * sum(rates[best]) / len(tasks):.1f} %)"
    topic = "smallest model within 5 points"
    if any(size_of(name) is None for name in names):
        topic += ", by the order in which they are listed"
    enough = next((i for i, d in against.items() if d.low >= -WITHIN), None)
    if enough is not None:
        sentence = f"{lead}; {names[enough]} is within 5 points of it: {points(against[enough])}."
        return Answer(topic, about, sentence, True, seen)
    open_ones = [i for i, d in against.items() if d.high > -WITHIN]
    if not open_ones:
        smaller = (
            "every smaller model is more than 5 points worse" if against else "none is smaller"
        )
        return Answer(topic, about, f"{lead}; {smaller}{_list(seen)}.", True, seen)
    gap = against[open_ones[0]]
    needed = tasks_for(len(tasks), gap.value - gap.low, gap.value + WITHIN)
    more = f"; {about_tasks(needed)} would show it" if needed else ""
    sentence = (
        f"{lead}. Not enough data to say whether {names[open_ones[0]]} is within 5 points of it: "
        f"{points(gap)}{more}."
    )
    return Answer(topic, about, sentence, False, seen)


def levels(cells: Sequence[Cell], name: str) -> list[Answer]:
    """Which level of any other dimension is best, for one draw and for what is handed in."""
    found = []
    for group in groups(largest(cells), name):
        tasks = shared(group)
        if len(group) < 2 or not tasks:
            continue
        about = subject(group, cells, name, *POOLED)
        if name == "feedback":  # draws know nothing of it
            found.append(_best(about, _Rated(group, tasks, "one sample repaired", _repaired), name))
        elif name != "strategy":
            found.append(_best(about, _Rated(group, tasks, "pass@1", Cell.share), name))
        if name == "strategy" or group[0].row.variant.samples > 1:
            found.append(_best(about, _Rated(group, tasks, "solved", _handed_in), name))
    return found


def judged(cells: Sequence[Cell]) -> list[Answer]:
    """How far a judge agrees with the tests."""
    found = []
    for cell in cells:
        seen = cell.summary.choices.agreement
        if seen is None:
            continue
        about = subject([cell], cells)
        if seen.equal is None or seen.kappa is None:
            found.append(Answer("judge and tests", about, silence(seen), False))
            continue
        same, kappa = seen.equal, seen.kappa
        said = (
            f"They agree on {100 * same.value:.1f} % [{100 * same.low:.1f}, {100 * same.high:.1f}] "
            f"of {counted(seen.judged, 'judged draw')}; beyond chance (Cohen's kappa): "
        )
        known = not math.isnan(kappa.value)
        said += f"{kappa.value:.2f} [{kappa.low:.2f}, {kappa.high:.2f}]." if known else "unknown."
        found.append(Answer("judge and tests", about, said, known))
    return found


def _repaired(cell: Cell, task: str) -> float:
    return cell.share(task, cell.row.variant.debug_iters)


def _handed_in(cell: Cell, task: str) -> float:
    return float(cell.solved[task])


class _Rated:
    """Values per task of the cells that are compared."""

    def __init__(
        self,
        group: Sequence[Cell],
        tasks: Sequence[str],
        rate: str,
        value: Callable[[Cell, str], float],
    ) -> None:
        self.group, self.rate = group, rate
        self.values = [[value(cell, task) for task in tasks] for cell in group]

    def mean(self, index: int) -> float:
        """Of a cell, per cent."""
        return 100 * sum(self.values[index]) / len(self.values[index])


def _best(about: str, found: _Rated, name: str) -> Answer:
    """The best level against each other one."""
    best, rivals = stats_best.best(found.values)
    named = [f"{words(name)} {level(cell, name)}" for cell in found.group]
    told = {r: f"{named[r.index]} {points(r.difference)}" for r in rivals}
    seen = tuple((f"{named[best]} less {named[r.index]}", r.difference) for r in rivals)
    tied = [named[r.index] for r in rivals if abs(r.difference.value) < 1e-9]
    shared = f"{', '.join([named[best], *tied])} share" if tied else f"{named[best]} has"
    top = f"{shared} the highest rate ({found.rate} {found.mean(best):.1f} %)"
    topic = f"{words(name)}, {found.rate}"
    ahead = [f"{told[r]} ({chance(r.p)})" for r in rivals if r.p < LEVEL]
    behind = [r for r in rivals if r.p >= LEVEL]
    if not behind:
        return Answer(topic, about, f"{top}, ahead of {'; '.join(ahead)}.", True, seen)
    widest = max((r.difference for r in behind), key=lambda d: d.high - d.low)
    sentence = (
        f"Not enough data: {top}, "
        + (f"ahead of {', '.join(ahead)}, " if ahead else "")
        + f"but {named[best]} is not shown to be ahead of {', '.join(told[r] for r in behind)}; "
        f"{tasks_to_see(widest)} would show a difference of 5 points."
    )
    return Answer(topic, about, sentence, False, seen)


def _list(seen: Sequence[tuple[str, Difference]]) -> str:
    return " (" + "; ".join(f"{name} {points(d)}" for name, d in seen) + ")" if seen else ""
