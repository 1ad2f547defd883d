"""`--mcode-gate-early`: stop as soon as the decision is clear, at the same error rates.

The tasks are run in an order that a hash of seed and task id gives. A look is taken after each
tenth of them, from two tenths on, and only at the tasks that come first in that order, whatever
else is there already: else tasks that are quick, thus easy, would decide. Each look has its share
of alpha (`stats.sequential`), for holding and for the alarm each; among m cells an alarm has
alpha/m, because Holm's procedure is for one look only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from pytest_mcode.core.words import counted
from pytest_mcode.gate.matching import Pair
from pytest_mcode.gate.measurement import Measurement
from pytest_mcode.gate.rule import (
    DROPPED,
    HELD,
    INFRA,
    OPEN,
    Decision,
    Judgement,
    Rule,
    Status,
    bounds,
    compared,
    concluded,
    missing,
    unmatched,
    values,
)
from pytest_mcode.stats.paired import p_value
from pytest_mcode.stats.sequential import levels

LOOKS = 10
"""Parts of the tasks; the first has no look of its own."""

FEWEST = 10
"""Tasks below which no look is taken."""


def rank(seed: int, task_id: str) -> str:
    """Where a task comes in the order, the same on every machine."""
    return hashlib.sha256(f"{seed}/{task_id}".encode()).hexdigest()


def order(measurement: Measurement) -> tuple[str, ...]:
    """The planned tasks in the order of their run."""
    sampling = measurement.parts.get("sampling") or {}
    seed = int(sampling.get("seed", 0))
    return tuple(sorted(measurement.planned, key=lambda task: rank(seed, task)))


@lru_cache(maxsize=64)
def looks(tasks: int, alpha: float) -> tuple[tuple[int, float], ...]:
    """(tasks, one-sided level) of each look; the last is at all tasks."""
    counts = [tasks * i // LOOKS for i in range(2, LOOKS)]
    counts = [*dict.fromkeys(n for n in counts if n >= FEWEST), tasks]
    return tuple(zip(counts, levels([n / tasks for n in counts], alpha), strict=True))


class Watch:
    """Says when a look is due; hears of tasks in any order."""

    def __init__(self, planned: Iterable[Measurement]) -> None:
        self._cells = {m.label: _Prefix(order(m)) for m in planned if m.planned}

    def add(self, label: str, task: str) -> bool:
        """A task of a cell is measured; whether a further look is due now."""
        return self._cells[label].add(task)


class _Prefix:
    def __init__(self, tasks: tuple[str, ...]) -> None:
        self._tasks = tasks
        self._done: set[str] = set()
        self._reached = 0
        self._looks = [count for count, _ in looks(len(tasks), 0.05)]

    def add(self, task: str) -> bool:
        self._done.add(task)
        before = self._reached
        while self._reached < len(self._tasks) and self._tasks[self._reached] in self._done:
            self._reached += 1
        return any(before < count <= self._reached for count in self._looks)


def decide(rule: Rule, pairs: Sequence[Pair], baseline: str) -> Decision:
    """Decide on what is measured so far; inconclusive is also "go on"."""
    found = [_judge(rule, pair, len(pairs)) for pair in pairs]
    return concluded(rule, pairs, baseline, found)


@dataclass(frozen=True)
class _Look:
    tasks: int
    held: float
    """Level of the test that holds."""
    alarm: float


def _judge(rule: Rule, pair: Pair, cells: int) -> Judgement:
    names = order(pair.new)
    if not names:
        return replace(compared(pair, values(pair)), reason=missing(pair.new))
    reached = next((i for i, t in enumerate(names) if t not in pair.new.tasks), len(names))
    judged: Judgement | None = None
    for look in _looks(len(names), rule.alpha, cells):
        if look.tasks > reached:
            break
        judged = _look(rule, pair, names[: look.tasks], look)
        if judged.status != "inconclusive":
            break
    judged = judged or compared(pair, values(pair, names[:reached]))
    return _told(judged, pair)


def _looks(tasks: int, alpha: float, cells: int) -> Iterator[_Look]:
    for (count, held), (_, alarm) in zip(
        looks(tasks, alpha), looks(tasks, alpha / cells), strict=True
    ):
        yield _Look(count, held, alarm)


def _look(rule: Rule, pair: Pair, names: Sequence[str], look: _Look) -> Judgement:
    v = values(pair, names)
    status: Status = "inconclusive"
    p = p_value(v.old, v.new, "less")
    if p_value(v.old, v.new, "greater", shift=-rule.max_drop) <= look.held:
        status = "held"
    elif p <= look.alarm:
        status = "regression"
    low, high = bounds(v.old, v.new, look.held)[0], bounds(v.old, v.new, look.alarm)[1]
    return replace(compared(pair, v), status=status, low=low, high=high, p=p)


def _told(judged: Judgement, pair: Pair) -> Judgement:
    """With its reason; infra is never green, and samples of another number are no `solved@n`."""
    lacking = missing(pair.new)
    wrong = unmatched(pair) or (lacking if lacking.startswith(INFRA) else "")
    if wrong and judged.status != "regression":
        return replace(judged, status="inconclusive", reason=wrong)
    if judged.status == "inconclusive":
        return replace(judged, reason=lacking or OPEN)
    early = judged.tasks < judged.planned
    after = (
        f"stopped after {judged.tasks:,} of {counted(judged.planned, 'task')}: " if early else ""
    )
    return replace(judged, reason=after + (HELD if judged.status == "held" else DROPPED))
