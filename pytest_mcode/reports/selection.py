"""Which variants of which runs a report is about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from pytest_mcode.store import queries
from pytest_mcode.store.queries import Filters, VariantRow
from pytest_mcode.store.reader import Reader


def cell(row: VariantRow) -> tuple[object, ...]:
    """What a reader takes for "the same variant": the grid's cell and the time limit."""
    return row.variant, row.timeout_s


def says_more(row: VariantRow, newer: VariantRow) -> bool:
    """Whether it is the same experiment on more tasks, or the newer one has measured nothing."""
    if not newer.counts.done:
        return row.counts.done > 0
    return row.fingerprint == newer.fingerprint and row.counts.done > newer.counts.planned


def names(rows: Sequence[VariantRow]) -> dict[int, str]:
    """A name for each variant: its label, and as much more as tells it apart from the others."""
    found = {row.variant_id: row.variant.label for row in rows}
    for more in ("timeout", "run"):
        seen = Counter((row.variant.benchmark, found[row.variant_id]) for row in rows)
        for row in rows:
            name = found[row.variant_id]
            if seen[row.variant.benchmark, name] > 1:
                told = f"run {row.run_id}" if more == "run" else f"{row.timeout_s or 0:g} s"
                found[row.variant_id] = f"{name}, {told}"
    return found


def benchmark_tasks(row: VariantRow, sizes: Mapping[tuple[str, str], int]) -> int:
    """Tasks of its benchmark, however many were planned; 0 where `Reader.sizes` do not know."""
    part = row.settings.get("data")
    sha256 = str(part.get("sha256")) if isinstance(part, Mapping) else ""
    return sizes.get((row.variant.benchmark, sha256), 0)


def select(reader: Reader, filters: Filters) -> tuple[list[VariantRow], int]:
    """The variants to show and how many other measurements of them are left out.

    Chosen runs are shown whole. Otherwise each cell is shown from its newest run that measured
    anything; an abandoned start does not hide the numbers before it, nor does a run of fewer tasks
    (`--lf`, `-k`, `--mcode-limit`) the same experiment on more.
    """
    found = [row for row in queries.variants(reader, filters) if row.counts.planned]
    if filters.run:
        return found, 0
    newest: dict[tuple[object, ...], VariantRow] = {}
    for row in found:
        shown = newest.setdefault(cell(row), row)
        if says_more(row, shown):
            newest[cell(row)] = row
    chosen = {row.variant_id for row in newest.values()}
    return [row for row in found if row.variant_id in chosen], len(found) - len(chosen)
