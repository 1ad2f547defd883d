"""What a gate compares: one variant's results, task by task, with all that identifies them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pytest_mcode.core.records import Json, Variant
from pytest_mcode.store import per_task, queries
from pytest_mcode.store.per_task import TaskResult
from pytest_mcode.store.queries import Filters
from pytest_mcode.store.reader import Reader


@dataclass(frozen=True)
class Measurement:
    """One variant of one run."""

    label: str
    variant: Variant
    parts: Mapping[str, Json]
    """Of its fingerprint."""
    tasks: Mapping[str, TaskResult]
    """The measured ones."""
    planned: frozenset[str]
    infra: int = 0
    """Tasks of which the machinery failed."""
    attempts: int = 0
    reused: int = 0
    """Attempts whose answer was not asked of the model, but taken from an earlier run."""

    @property
    def chooses(self) -> bool:
        """Its strategy hands in one answer of several."""
        return any(task.chosen is not None for task in self.tasks.values())

    @property
    def complete(self) -> bool:
        """Every planned task was measured."""
        return not self.infra and self.planned == self.tasks.keys()


def stored(reader: Reader, run_id: str) -> tuple[Measurement, ...]:
    """All variants of a run, in the order of the plan."""
    with reader.snapshot():
        rows = queries.variants(reader, Filters(run=(run_id,)))
        ids = [row.variant_id for row in rows]
        planned, totals = queries.tasks(reader, ids), queries.totals(reader, ids)
        return tuple(
            Measurement(
                label=row.label,
                variant=row.variant,
                parts=row.settings,
                tasks=per_task.results(reader, row.variant_id),
                planned=planned.get(row.variant_id, frozenset()),
                infra=row.counts.infra,
                attempts=totals[row.variant_id].attempts if row.variant_id in totals else 0,
                reused=totals[row.variant_id].reused if row.variant_id in totals else 0,
            )
            for row in rows
        )
