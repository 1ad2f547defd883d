"""Rates across sample counts of one configuration (`--mcode-compare=samples`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pytest_mcode.core.fingerprint import differing
from pytest_mcode.core.records import Variant
from pytest_mcode.reports.layout import FEEDBACK, interval, mark, wrapped
from pytest_mcode.reports.summary import rates
from pytest_mcode.stats.estimate import Estimate
from pytest_mcode.store import queries
from pytest_mcode.store.queries import Filters, VariantRow
from pytest_mcode.store.reader import Reader


@dataclass(frozen=True)
class Point:
    """One sample count."""

    row: VariantRow
    solved: Estimate
    """Any of the n samples solved by the last iteration; with no repairs that is solved@n."""
    gain: float | None
    """Against the point before, 0..1; None for the first and beside an incomplete point."""


@dataclass(frozen=True)
class Scaling:
    """Sample counts that may be compared: all else in their fingerprints is equal."""

    variant: Variant
    """Of the first point; its `samples` vary."""
    points: tuple[Point, ...]
    """By rising n, each from its newest run."""
    apart: tuple[tuple[VariantRow, tuple[str, ...]], ...]
    """Newest measurements of other n that may not be compared, and the parts that differ."""


def compare_samples(reader: Reader, filters: Filters = queries.ALL) -> tuple[Scaling, ...]:
    """Per configuration the largest newest set of comparable sample counts."""
    with reader.snapshot():
        rows = [row for row in queries.variants(reader, filters) if row.counts.done]
        ids = [row.variant_id for row in rows]
        tallies, tasks = queries.tallies(reader, ids), queries.tasks(reader, ids)
    configurations: defaultdict[tuple[object, ...], list[VariantRow]] = defaultdict(list)
    for row in rows:
        configurations[replace(row.variant, samples=0), row.timeout_s].append(row)
    found = []
    for members in configurations.values():
        chosen = _comparable(members, tasks)
        estimates = {r.variant_id: rates(r, tallies[r.variant_id]) for r in chosen}
        solved = {key: r.any_by_iteration[-1] for key, r in estimates.items() if r is not None}
        apart = _apart(chosen, members, tasks)
        found.append(Scaling(chosen[0].variant, _points(chosen, solved), apart))
    return tuple(found)


def differences(a: VariantRow, b: VariantRow, tasks: Mapping[int, frozenset[str]]) -> list[str]:
    """Parts other than the sample count in which two measurements differ."""
    names = [n for n in differing(a.settings, b.settings) if n.split(".")[-1] != "samples"]
    return names + (["tasks"] if tasks[a.variant_id] != tasks[b.variant_id] else [])


def _comparable(
    members: Sequence[VariantRow], tasks: Mapping[int, frozenset[str]]
) -> list[VariantRow]:
    """Of the newest first members the set with most sample counts; the newest of equals."""
    best: list[VariantRow] = []
    left = list(members)
    while left:
        first = left[0]
        alike = [row for row in left if not differences(first, row, tasks)]
        left = [row for row in left if row not in alike]
        newest: dict[int, VariantRow] = {}
        for row in alike:
            newest.setdefault(row.variant.samples, row)
        if len(newest) > len(best):
            best = [newest[n] for n in sorted(newest)]
    return best


def _apart(
    chosen: Sequence[VariantRow],
    members: Sequence[VariantRow],
    tasks: Mapping[int, frozenset[str]],
) -> tuple[tuple[VariantRow, tuple[str, ...]], ...]:
    shown = {row.variant.samples for row in chosen}
    others: dict[int, VariantRow] = {}
    for row in members:
        if row.variant.samples not in shown:
            others.setdefault(row.variant.samples, row)
    return tuple(
        (others[n], tuple(differences(chosen[0], others[n], tasks))) for n in sorted(others)
    )


def _points(rows: Sequence[VariantRow], solved: Mapping[int, Estimate]) -> tuple[Point, ...]:
    points: list[Point] = []
    for row in rows:
        rate, gain = solved[row.variant_id], None
        if points and points[-1].row.counts.complete and row.counts.complete:
            gain = rate.value - points[-1].solved.value
        points.append(Point(row, rate, gain))
    return tuple(points)


def scaling_lines(found: Sequence[Scaling], width: int = 80) -> list[str]:
    """A table per configuration: n, rate, interval, gain in points over the line before."""
    if not found:
        return ["no results match"]
    return [line for scaling in found for line in _table(scaling, width)]


def _table(scaling: Scaling, width: int) -> Iterator[str]:
    cell = scaling.variant
    yield f"{cell.benchmark}  {cell.model}  repairs {cell.debug_iters}  ({cell.strategy})"
    if cell.debug_iters:
        source = FEEDBACK.get(cell.feedback, cell.feedback)
        yield f"  solved by iteration {cell.debug_iters} (feedback: {source}), any of n samples"
    else:
        yield "  solved@n: any of n draws passed"
    yield f"  {'n':>5}{'%':>9}   {'95 % interval':16}{'gain':>8}"
    for point in scaling.points:
        gain = "" if point.gain is None else f"{100 * point.gain:+.2f}"
        line = f"  {point.row.variant.samples:>5}{100 * point.solved.value:9.2f}   "
        yield f"{line}{interval(point.solved)}{gain:>8}  {mark(point.row.counts)}".rstrip()
    for row, names in scaling.apart:
        yield from (
            f"  {line}"
            for line in wrapped(
                f"n = {row.variant.samples} (run {row.run_id}) cannot be compared: it differs in "
                f"{', '.join(names)}",
                width - 2,
            )
        )
    yield ""
