"""How each task of a variant went: what paired comparisons, curves and drill-downs are made of."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pytest_mcode.store.reader import Reader


class TaskResult(NamedTuple):
    """How a measured item went. Tasks that went alike share one: it is compared and hashed fast."""

    samples: int
    """Draws that were made."""
    first_passed: bool
    """The draw of sample 0 passed."""
    solved_by: tuple[int, ...]
    """Element j: samples solved by iteration j; as many as were tried."""
    chosen: bool | None = None
    """Whether the draw passed that the strategy handed in; None where it chooses none."""

    def passes(self, iteration: int = 0) -> int:
        """Samples solved by an iteration, also beyond the last one that was needed."""
        reached = self.solved_by
        return reached[min(iteration, len(reached) - 1)] if reached else 0


def results(reader: Reader, variant_id: int) -> dict[str, TaskResult]:
    """Task id -> result of the variant's measured items, in the order of the plan.

    Planned and infra items are not in it: `queries.tasks` has the denominator.
    """
    found = reader.each(
        "SELECT task_id, samples_generated, first_passed, solved_by, chosen FROM items"
        " WHERE variant_id = ? AND state = 'done' ORDER BY item_id",
        (variant_id,),
    )
    known = _Known()
    return {task: known[n, first, by, chosen] for task, n, first, by, chosen in found}


class _Known(dict[tuple[int, int, str, int | None], TaskResult]):
    """Columns -> result, made once: a million tasks go in few ways."""

    def __missing__(self, key: tuple[int, int, str, int | None]) -> TaskResult:
        n, first, by, chosen = key
        passed = None if chosen is None else bool(chosen)
        self[key] = found = TaskResult(n, bool(first), tuple(json.loads(by)), passed)
        return found


def flaky_and_reused(reader: Reader, variant_ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Per variant that has measured items: its attempts whose verdict is flaky, and those whose
    answer had been drawn before."""
    marks = ", ".join("?" * len(variant_ids))
    found = reader.rows(
        "SELECT variant_id, sum(flaky), sum(reused) FROM items WHERE state = 'done'"
        f" AND variant_id IN ({marks}) GROUP BY 1",
        variant_ids,
    )
    return {variant_id: (flaky, reused) for variant_id, flaky, reused in found}


def infra(reader: Reader, variant_ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """Per variant the tasks whose machinery failed, in the order of the plan."""
    marks = ", ".join("?" * len(variant_ids))
    found = reader.rows(
        "SELECT variant_id, task_id FROM items WHERE state = 'infra'"
        f" AND variant_id IN ({marks}) ORDER BY item_id",
        variant_ids,
    )
    grouped: dict[int, list[str]] = {}
    for variant_id, task in found:
        grouped.setdefault(variant_id, []).append(task)
    return {key: tuple(tasks) for key, tasks in grouped.items()}


def verdicts(reader: Reader, variant_id: int) -> dict[str, tuple[tuple[int, int, bool], ...]]:
    """Task id -> (sample, iteration, passed) of every attempt of the variant's measured items."""
    found = reader.rows(
        "SELECT a.task_id, a.sample, a.iteration, a.verdict = 'passed' FROM attempts a"
        " JOIN items i USING (item_id) WHERE a.variant_id = ? AND i.state = 'done'"
        " ORDER BY a.item_id, a.sample, a.iteration",
        (variant_id,),
    )
    grouped: dict[str, list[tuple[int, int, bool]]] = {}
    for task, sample, iteration, passed in found:
        grouped.setdefault(task, []).append((sample, iteration, bool(passed)))
    return {task: tuple(attempts) for task, attempts in grouped.items()}


@dataclass(frozen=True)
class Draw:
    """One draw (iteration 0) of a measured item."""

    task_id: str
    sample: int
    code: str
    status: str
    detail: str
    groups: Mapping[str, bool]
    """Which groups of its tests held, where the task has several and came to them."""


def draws(reader: Reader, variant_id: int) -> Iterator[Draw]:
    """The draws of the variant's measured items in the order of the plan, a task at a time."""
    items = reader.rows(
        "SELECT item_id FROM items WHERE variant_id = ? AND state = 'done' ORDER BY item_id",
        (variant_id,),
    )
    for (item_id,) in items:
        found = reader.rows(
            "SELECT task_id, sample, code, verdict, detail, groups FROM attempts"
            " WHERE item_id = ? AND iteration = 0 ORDER BY sample",
            (item_id,),
        )
        for row in found:
            task, sample, code, status, detail, groups = row
            yield Draw(task, sample, code, status, detail, json.loads(groups))


def solved(reader: Reader, variant_id: int) -> dict[str, bool]:
    """Task id -> whether what its strategy handed in passed, of measured items."""
    found = reader.rows(
        "SELECT task_id, solved FROM items WHERE variant_id = ? AND state = 'done'"
        " ORDER BY item_id",
        (variant_id,),
    )
    return {task: bool(passed) for task, passed in found}
