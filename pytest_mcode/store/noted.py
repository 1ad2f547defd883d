"""What strategies noted of their draws: votes, opinions, verdicts of public tests."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from pytest_mcode.core.records import Json
from pytest_mcode.store.reader import Reader

_DRAWS = (
    "FROM attempts a JOIN items i USING (item_id)"
    " WHERE a.variant_id = ? AND a.iteration = 0 AND i.state = 'done'"
)


def chosen(reader: Reader, variant_ids: Sequence[int]) -> dict[int, Counter[bool]]:
    """Per variant whose strategy chooses: whether the chosen attempt passed -> measured tasks."""
    marks = ", ".join("?" * len(variant_ids))
    found = reader.rows(
        "SELECT variant_id, chosen, count(*) FROM items WHERE state = 'done' AND chosen NOT NULL"
        f" AND variant_id IN ({marks}) GROUP BY 1, 2",
        variant_ids,
    )
    grouped: defaultdict[int, Counter[bool]] = defaultdict(Counter)
    for variant_id, passed, tasks in found:
        grouped[variant_id][bool(passed)] = tasks
    return dict(grouped)


def votes(reader: Reader, variant_id: int) -> dict[str, tuple[tuple[str, bool], ...]]:
    """Task id -> (vote, passed) of each draw; an empty vote is none."""
    found = reader.rows(
        "SELECT a.task_id, coalesce(json_extract(a.notes, '$.vote'), ''), a.verdict = 'passed'"
        f" {_DRAWS} ORDER BY a.item_id, a.sample",
        (variant_id,),
    )
    grouped: defaultdict[str, list[tuple[str, bool]]] = defaultdict(list)
    for task, vote, passed in found:
        grouped[task].append((str(vote), bool(passed)))
    return {task: tuple(cast) for task, cast in grouped.items()}


def opinions(reader: Reader, variant_id: int) -> dict[str, Counter[tuple[bool | None, bool]]]:
    """Task id -> (the judge's opinion, passed) -> draws; None where it has none."""
    found = reader.rows(
        "SELECT a.task_id, json_extract(a.notes, '$.judge'), a.verdict = 'passed', count(*)"
        f" {_DRAWS} GROUP BY a.item_id, 2, 3",
        (variant_id,),
    )
    grouped: defaultdict[str, Counter[tuple[bool | None, bool]]] = defaultdict(Counter)
    for task, opinion, passed, draws in found:
        grouped[task][_truth(opinion), bool(passed)] += draws
    return dict(grouped)


def without_public(reader: Reader, variant_id: int) -> int:
    """Measured tasks of a variant with the feedback `public` that have no public tests."""
    found = reader.rows(
        f"SELECT count(DISTINCT a.item_id) {_DRAWS}"
        " AND json_extract(a.notes, '$.public.verdict') = 'none'",
        (variant_id,),
    )
    return int(found[0][0])


def _truth(value: Json) -> bool | None:
    return None if value is None else bool(value)
