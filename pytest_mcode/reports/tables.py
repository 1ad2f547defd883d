"""The database as CSV files, for spreadsheets, pandas and R (`--mcode-csv`).

`runs.csv`, `rates.csv`, `tasks.csv` and `attempts.csv`, all of the chosen variants; RFC 4180:
UTF-8, a line of names, CRLF, quotes where needed. Empty is NULL, 1 and 0 are true and false, times
are in seconds, rates 0..1. Prompts, answers and programs are in the database alone: a million of
them make files that no spreadsheet opens. Columns keep names and order; new ones come last.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pytest_mcode.core.words import counted
from pytest_mcode.reports.cost import Price
from pytest_mcode.reports.rate_names import named_rates
from pytest_mcode.reports.summary import Summary, VariantSummary, summarize
from pytest_mcode.store import listing
from pytest_mcode.store.queries import Filters
from pytest_mcode.store.reader import Reader

CELL = ("benchmark", "model", "samples", "debug_iters", "strategy", "feedback", "options")
"""Columns of `tasks.csv` and `attempts.csv` that say of which variant a row is."""
RATES = (
    "run_id",
    "variant_id",
    *CELL,
    "rate",
    "value",
    "low",
    "high",
    "method",
    "tasks",
    "planned",
    "done",
    "infra",
    "complete",
    "benchmark_tasks",
    "timeout_s",
)
RUNS = (
    "run_id",
    "started",
    "finished",
    "elapsed_s",
    "planned",
    "done",
    "infra",
    "complete",
    "subjects",
    "fingerprint",
    "version",
    "git",
    "command",
)


def write(reader: Reader, filters: Filters, prices: Sequence[Price], path: Path) -> str:
    """Write the four files; what to tell the user. Raises `OSError` and `StoreError`."""
    path.mkdir(parents=True, exist_ok=True)
    with reader.snapshot():
        found = summarize(reader, filters, prices)
        counts = {
            "runs": _write(path / "runs.csv", RUNS, _runs(found)),
            "rates": _write(path / "rates.csv", RATES, _rates(found)),
            "tasks": _write(path / "tasks.csv", (*CELL, *listing.TASKS), _tasks(reader, found)),
            "attempts": _write(
                path / "attempts.csv", (*CELL, *listing.ATTEMPTS), _attempts(reader, found)
            ),
        }
    told = ", ".join(counted(count, name.removesuffix("s")) for name, count in counts.items())
    return f"CSV written to {path} ({told})"


def _write(path: Path, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        for row in rows:
            writer.writerow(row)
            count += 1
    return count


def _cell(variant: VariantSummary) -> tuple[Any, ...]:
    return tuple(getattr(variant.row.variant, name) for name in CELL)


def _runs(found: Summary) -> Iterator[tuple[Any, ...]]:
    for run in found.runs:
        row, counts = run.row, run.row.counts
        yield (
            *(row.run_id, row.started, row.finished, run.elapsed_s),
            *(counts.planned, counts.done, counts.infra, int(counts.complete)),
            *(row.subjects, row.fingerprint, row.version, row.git, row.command),
        )


def _rates(found: Summary) -> Iterator[tuple[Any, ...]]:
    for variant in found.variants:
        row, counts = variant.row, variant.row.counts
        for name, rate in named_rates(variant):
            yield (
                *(row.run_id, row.variant_id, *_cell(variant), name),
                *(rate.value, rate.low, rate.high, rate.method, rate.tasks),
                *(counts.planned, counts.done, counts.infra, int(counts.complete)),
                *(variant.of or "", row.timeout_s),
            )


def _tasks(reader: Reader, found: Summary) -> Iterator[tuple[Any, ...]]:
    for variant in found.variants:
        cell = _cell(variant)
        for row in listing.tasks(reader, variant.row.variant_id):
            yield (*cell, *row)


def _attempts(reader: Reader, found: Summary) -> Iterator[tuple[Any, ...]]:
    for variant in found.variants:
        cell = _cell(variant)
        for row in listing.attempts(reader, variant.row.variant_id):
            yield (*cell, *row)
