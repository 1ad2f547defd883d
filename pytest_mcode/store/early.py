"""Answers are written down when they come, not when pytest comes to their item.

These rows alone are written by whoever drew, also by a worker of xdist; all others by the
controller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import NamedTuple

from pytest_mcode.core.records import Answer
from pytest_mcode.store.database import Store
from pytest_mcode.store.outcomes import draw_row, text


class Early(NamedTuple):
    """An answer whose item is not measured yet, and its place there (`draws` in the schema)."""

    nodeid: str
    sample: int
    role: str
    number: int
    answer: Answer


class EarlyStore(Store):
    """Keeps answers until the rows of their items stand in their stead."""

    def keep(self, run_id: str, drawn: Sequence[Early]) -> None:
        """Write them, but those of items that are measured, or wait for it, already."""
        with self._transaction():
            for nodeid, sample, role, number, answer in drawn:
                row = draw_row(sample, role, number, asdict(answer))
                self._connection.execute(
                    "INSERT OR REPLACE INTO draws (item_id, run_id, variant_id, task_id,"
                    f" {', '.join(row)}) SELECT item_id, run_id, variant_id, task_id,"
                    f" {', '.join('?' * len(row))} FROM items"
                    " WHERE run_id = ? AND nodeid = ? AND state <> 'done' AND waiting = 0",
                    (*row.values(), run_id, text(nodeid)),
                )
