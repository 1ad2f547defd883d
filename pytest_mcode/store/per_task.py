"""How each task of a variant went: what paired comparisons, curves and drill-downs are made of."""

from __future__ import annotations

import json
from dataclasses import dataclass

from pytest_mcode.store.reader import Reader


@dataclass(frozen=True)
class TaskResult:
    """One measured item."""

    task_id: str
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
    found = reader.rows(
        "SELECT task_id, samples_generated, first_passed, solved_by, chosen FROM items"
        " WHERE variant_id = ? AND state = 'done' ORDER BY item_id",
        (variant_id,),
    )
    return {
        task: TaskResult(
            task,
            samples,
            bool(first),
            tuple(json.loads(solved)),
            None if chosen is None else bool(chosen),
        )
        for task, samples, first, solved, chosen in found
    }


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
