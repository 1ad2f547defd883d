"""Named questions to the store, answered in frozen records.

None of them reads the texts of `attempts`, so they stay fast on a million of them.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytest_mcode.core.records import Json, Variant
from pytest_mcode.store.reader import Reader


@dataclass(frozen=True)
class Filters:
    """Which part of the store; an empty tuple means all."""

    bench: tuple[str, ...] = ()
    model: tuple[str, ...] = ()
    samples: tuple[int, ...] = ()
    debug_iters: tuple[int, ...] = ()
    timeout: tuple[float, ...] = ()
    """Seconds per program."""
    run: tuple[str, ...] = ()
    study: tuple[str, ...] = ()
    """Of these studies."""

    def where(self) -> tuple[str, list[Json]]:
        """A condition on `variants v`, and its parameters."""
        columns = {
            "v.benchmark": self.bench,
            "v.model": self.model,
            "v.samples": self.samples,
            "v.debug_iters": self.debug_iters,
            "v.timeout_s": self.timeout,
            "+v.run_id": self.run,  # by its index SQLite would sort all items
            "(SELECT r.study FROM runs r WHERE r.run_id = v.run_id)": self.study,
        }
        chosen = {name: values for name, values in columns.items() if values}
        terms = [f"{name} IN ({', '.join('?' * len(v))})" for name, v in chosen.items()]
        return " AND ".join(terms) or "1", [x for values in chosen.values() for x in values]


@dataclass(frozen=True)
class Counts:
    """How far a run or variant is, in items."""

    planned: int
    done: int
    """Measured, solved or not, without infra error."""
    infra: int
    drawn: int = 0
    """Neither, but drawn: they wait for `--mcode-phase=verify`."""
    waiting: int = 0
    """Draws of these."""

    @property
    def complete(self) -> bool:
        """True when every planned item was measured."""
        return self.planned == self.done


@dataclass(frozen=True)
class RunRow:
    """One run."""

    run_id: str
    started: str
    """UTC, ISO 8601."""
    finished: str
    """Empty while it is going, or when it was killed."""
    last: str
    """When its newest item was recorded; empty before the first."""
    command: str
    version: str
    git: str
    fingerprint: str
    paused_s: float
    """Seconds between its parts, where it was interrupted and taken up again."""
    subjects: str
    """Benchmarks and models, `humaneval m1, humaneval m2`."""
    counts: Counts


@dataclass(frozen=True)
class VariantRow:
    """One cell of the grid in one run."""

    variant_id: int
    run_id: str
    started: str
    """Of the run."""
    label: str
    variant: Variant
    timeout_s: float | None
    fingerprint: str
    settings: Mapping[str, Json]
    """The parts of the fingerprint."""
    counts: Counts


@dataclass(frozen=True)
class ItemTally:
    """Measured items of a variant that went alike."""

    samples: int
    """Draws that were made."""
    solved_by: tuple[int, ...]
    """Element j: samples solved by iteration j."""
    first_passed: bool
    """The draw of sample 0 passed."""
    items: int
    group_draws: tuple[tuple[str, int], ...] = ()
    """Group of tests, and draws in which it and all groups before it held."""


@dataclass(frozen=True)
class VerdictCount:
    """How often a verdict was given among measured items."""

    repair: bool
    """False for draws, true for iterations above 0."""
    verdict: str
    mode: str
    attempts: int


@dataclass(frozen=True)
class Totals:
    """Sums over measured items; seconds are summed over requests that ran side by side."""

    attempts: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    thinking_tokens: int | None = 0
    """Among those of the completions; None if a server did not tell them of each."""
    calls: int = 0
    queue_s: float = 0.0
    request_s: float = 0.0
    check_s: float = 0.0
    cached: int = 0
    """Attempts whose verdict was taken from an earlier verification."""
    flaky: int = 0
    """Attempts of which runs of the same program ended differently."""
    reused: int = 0
    """Attempts whose answer was drawn before; they are in no sum but `attempts`."""

    @property
    def drawn(self) -> int:
        """Attempts whose answer the generator gave for this run."""
        return self.attempts - self.reused


ALL = Filters()

COUNTS = (
    "count(i.item_id), coalesce(sum(i.state = 'done'), 0), coalesce(sum(i.state = 'infra'), 0),"
    " coalesce(sum(iif(i.state = 'done', 0, i.waiting > 0)), 0),"
    " coalesce(sum(iif(i.state = 'done', 0, i.waiting)), 0)"
)


def runs(reader: Reader, filters: Filters = ALL) -> tuple[RunRow, ...]:
    """Runs that hold a matching variant, newest first; counts are of the whole run."""
    where, values = filters.where()
    found = reader.rows(
        "SELECT r.run_id, r.started, coalesce(r.finished, ''), coalesce(max(i.recorded), ''),"
        " r.command, r.version, r.git, r.fingerprint, r.paused_s,"
        " coalesce((SELECT group_concat(s, ', ') FROM (SELECT DISTINCT benchmark || ' ' || model"
        f" AS s FROM variants WHERE run_id = r.run_id)), ''), {COUNTS}"
        " FROM runs r LEFT JOIN items i USING (run_id)"
        + (f" WHERE r.run_id IN (SELECT run_id FROM variants v WHERE {where})" if values else "")
        + " GROUP BY r.run_id ORDER BY r.started DESC, r.rowid DESC",
        values,
    )
    return tuple(RunRow(*(*row[:10], Counts(*row[10:]))) for row in found)


def variants(reader: Reader, filters: Filters = ALL) -> tuple[VariantRow, ...]:
    """Matching variants of all matching runs, newest run first, in the order of the plan."""
    where, values = filters.where()
    found = reader.rows(
        "SELECT v.variant_id, v.run_id, r.started, v.label, v.timeout_s, v.fingerprint,"
        " v.settings, v.benchmark, v.model, v.samples, v.debug_iters, v.strategy, v.feedback,"
        " v.options,"
        f" {COUNTS} FROM variants v JOIN runs r USING (run_id) LEFT JOIN items i USING (variant_id)"
        f" WHERE {where} GROUP BY v.variant_id"
        " ORDER BY r.started DESC, r.rowid DESC, v.variant_id",
        values,
    )
    return tuple(
        VariantRow(
            variant_id=row[0],
            run_id=row[1],
            started=row[2],
            label=row[3],
            timeout_s=row[4],
            fingerprint=row[5],
            settings=json.loads(row[6]),
            variant=Variant(*row[7:14]),
            counts=Counts(*row[14:]),
        )
        for row in found
    )


def counts(reader: Reader, run_id: str) -> Counts:
    """How far the run is."""
    found = reader.rows(f"SELECT {COUNTS} FROM items i WHERE i.run_id = ?", (run_id,))
    return Counts(*found[0])


def tasks(reader: Reader, variant_ids: Sequence[int]) -> dict[int, frozenset[str]]:
    """Per variant the ids of its planned tasks."""
    found = reader.rows(
        f"SELECT variant_id, task_id FROM items WHERE variant_id IN ({_marks(variant_ids)})",
        variant_ids,
    )
    grouped: defaultdict[int, set[str]] = defaultdict(set)
    for variant_id, task_id in found:
        grouped[variant_id].add(task_id)
    return {key: frozenset(values) for key, values in grouped.items()}


def tallies(reader: Reader, variant_ids: Sequence[int]) -> dict[int, tuple[ItemTally, ...]]:
    """Per variant its measured items, counted by how they went."""
    found = reader.rows(
        "SELECT variant_id, samples_generated, solved_by, first_passed, group_draws, count(*)"
        f" FROM items WHERE state = 'done' AND variant_id IN ({_marks(variant_ids)})"
        " GROUP BY 1, 2, 3, 4, 5",
        variant_ids,
    )
    grouped: defaultdict[int, list[ItemTally]] = defaultdict(list)
    for variant_id, samples, solved_by, first, draws, items in found:
        groups = tuple((str(name), int(count)) for name, count in json.loads(draws))
        tally = ItemTally(samples, tuple(json.loads(solved_by)), bool(first), items, groups)
        grouped[variant_id].append(tally)
    return {key: tuple(values) for key, values in grouped.items()}


def verdicts(reader: Reader, variant_ids: Sequence[int]) -> dict[int, tuple[VerdictCount, ...]]:
    """Per variant the verdicts of measured items, most frequent first."""
    found = reader.rows(
        "SELECT variant_id, iteration > 0, verdict, mode, count(*) AS n FROM attempts"
        f" WHERE variant_id IN ({_marks(variant_ids)}) AND item_id NOT IN"
        " (SELECT item_id FROM items WHERE state <> 'done') GROUP BY 1, 2, 3, 4 ORDER BY n DESC, 3",
        variant_ids,
    )
    grouped: defaultdict[int, list[VerdictCount]] = defaultdict(list)
    for variant_id, repair, verdict, mode, count in found:
        grouped[variant_id].append(VerdictCount(bool(repair), verdict, mode, count))
    return {key: tuple(values) for key, values in grouped.items()}


def totals(reader: Reader, variant_ids: Sequence[int]) -> dict[int, Totals]:
    """Per variant tokens, calls and seconds."""
    found = reader.rows(
        "SELECT variant_id, sum(attempts), sum(prompt_tokens), sum(completion_tokens),"
        " iif(count(thinking_tokens) = count(*), sum(thinking_tokens), NULL), sum(calls),"
        " sum(queue_s), sum(request_s), sum(check_s), sum(cached), sum(flaky), sum(reused)"
        f" FROM items WHERE state = 'done' AND variant_id IN ({_marks(variant_ids)}) GROUP BY 1",
        variant_ids,
    )
    return {row[0]: Totals(*row[1:]) for row in found}


def flaky(reader: Reader, variant_ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """Per variant the tasks that have a flaky verdict, in the order of the plan."""
    found = reader.rows(
        "SELECT variant_id, task_id FROM items WHERE flaky > 0 AND state = 'done'"
        f" AND variant_id IN ({_marks(variant_ids)}) ORDER BY item_id",
        variant_ids,
    )
    grouped: defaultdict[int, list[str]] = defaultdict(list)
    for variant_id, task_id in found:
        grouped[variant_id].append(task_id)
    return {key: tuple(values) for key, values in grouped.items()}


def infra(reader: Reader, run_ids: Sequence[str]) -> dict[str, tuple[tuple[str, int], ...]]:
    """Per run its infra messages with the number of items, most frequent first.

    It is the log of the run: items that were measured on a later try are in it too.
    """
    found = reader.rows(
        "SELECT run_id, message, count(*) AS n FROM infra_errors"
        f" WHERE run_id IN ({_marks(run_ids)}) GROUP BY 1, 2 ORDER BY n DESC, 2",
        run_ids,
    )
    grouped: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
    for run_id, message, count in found:
        grouped[run_id].append((message, count))
    return {key: tuple(values) for key, values in grouped.items()}


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))
