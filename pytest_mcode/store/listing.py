"""Rows for files: one after the other, so that a million of them need no memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pytest_mcode.store.reader import Reader
from pytest_mcode.store.views import GROUPS_PASSED

_TASKS = (
    "run_id variant_id task_id state solved first_passed samples_generated iterations_used"
    " solved_by attempts prompt_tokens completion_tokens calls queue_s request_s check_s wall_s"
    " cached flaky reused recorded error nodeid thinking_tokens"
)
_ATTEMPTS = (
    "run_id variant_id task_id sample iteration verdict mode checks_run check_s memory_mb"
    " prompt_tokens completion_tokens finish_reason queue_s request_s calls cached reused flaky"
    " program draw detail thinking_tokens"
)
TASKS = tuple(_TASKS.split())
"""Columns of `items`, in the order in which they are exported."""
_COLUMNS = {**{name: f"a.{name}" for name in _ATTEMPTS.split()}, **GROUPS_PASSED}
ATTEMPTS = tuple(_COLUMNS)
"""Columns of `attempts`, all but its long texts, and which groups of its tests held."""


def tasks(reader: Reader, variant_id: int) -> Iterator[tuple[Any, ...]]:
    """Every planned item of a variant, in the order of the plan."""
    return reader.each(
        f"SELECT {', '.join(TASKS)} FROM items WHERE variant_id = ? ORDER BY item_id",
        (variant_id,),
    )


def attempts(reader: Reader, variant_id: int) -> Iterator[tuple[Any, ...]]:
    """Every attempt of a variant, by item, sample and iteration."""
    return reader.each(
        f"SELECT {', '.join(_COLUMNS.values())} FROM items i JOIN attempts a USING (item_id)"
        " JOIN variants v ON v.variant_id = i.variant_id"
        " WHERE i.variant_id = ? ORDER BY i.item_id, a.sample, a.iteration",
        (variant_id,),
    )


def unsolved(reader: Reader, variant_id: int) -> list[tuple[str, str]]:
    """(task, why) of the measured items of which no attempt passed, in the order of the plan."""
    found: Sequence[tuple[Any, ...]] = reader.rows(
        "SELECT task_id, error FROM items WHERE variant_id = ? AND state = 'done' AND solved = 0"
        " ORDER BY item_id",
        (variant_id,),
    )
    return [(str(task), str(why)) for task, why in found]
