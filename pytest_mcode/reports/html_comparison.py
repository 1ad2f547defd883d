"""Measurements against each other, paired by task, as the page shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pytest_mcode.reports import charts
from pytest_mcode.reports.comparison import Comparison, Contrast, Pair, compare_levels
from pytest_mcode.reports.comparison_factors import GRID
from pytest_mcode.reports.comparison_layout import has_demonstration, level, p_value, warnings
from pytest_mcode.reports.comparison_request import requested, why
from pytest_mcode.reports.html_cells import Cell, told_apart
from pytest_mcode.reports.html_charts import Figure
from pytest_mcode.reports.html_texts import visible
from pytest_mcode.reports.layout import DEMONSTRATION
from pytest_mcode.reports.row_charts import forest
from pytest_mcode.reports.summary import Summary
from pytest_mcode.store.queries import Filters, VariantRow
from pytest_mcode.store.reader import Reader

WIDE = 10_000
"""Columns of texts that the page wraps itself."""
SHORT = 12
"""Letters of a name that a line of the chart has room for, twice."""


@dataclass(frozen=True)
class Compared:
    """B against A."""

    title: str
    a: str
    b: str
    notes: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    won: tuple[str, ...]
    lost: tuple[str, ...]
    benchmark: str


@dataclass(frozen=True)
class Comparisons:
    """All that was compared, and what was not."""

    factors: str
    """What differs, in words; empty where nothing is compared."""
    pairs: tuple[Compared, ...] = ()
    forest: Figure | None = None
    refused: tuple[str, ...] = ()


def comparisons(
    reader: Reader, summary: Summary, filters: Filters, wanted: str = ""
) -> Comparisons:
    """What `--mcode-compare` asks for, else the models of the summary, all else equal."""
    if wanted:
        return _shown(requested(reader, wanted, filters))
    rows = [v.row for v in summary.variants]
    if len({row.variant.model for row in rows}) < 2:
        return Comparisons("")
    return _shown(compare_levels(reader, rows, ("model",)))


def _shown(found: Comparison) -> Comparisons:
    names = found.under_study
    pairs = [pair for family in found.families for pair in family.pairs]
    return Comparisons(
        ", ".join(names) or "the same experiment twice",
        tuple(_compared(pair, names) for pair in pairs),
        _forest(pairs, names),
        tuple(dict.fromkeys(why(one, names) for one in found.refused)),
    )


def _side(row: VariantRow, names: Sequence[str]) -> str:
    return level(row, names) if names else f"run {row.run_id}"


def _compared(pair: Pair, names: Sequence[str]) -> Compared:
    cell = pair.a.row.variant
    a, b = _side(pair.a.row, names), _side(pair.b.row, names)
    where = cell.benchmark
    if "model" not in names:
        where += f", {cell.model}"
    if (cell.samples, cell.debug_iters) != (1, 0):
        where += f", samples {cell.samples}, repairs {cell.debug_iters}"
    return Compared(
        title=f"{where}: {b} against {a}",
        a=a,
        b=b,
        notes=(
            *([DEMONSTRATION] if has_demonstration([pair]) else []),
            *warnings(pair, names, True, WIDE),
        ),
        rows=tuple(map(_contrast, pair.contrasts)),
        won=tuple(map(visible, pair.won)),
        lost=tuple(map(visible, pair.lost)),
        benchmark=visible(cell.benchmark),
    )


def _contrast(found: Contrast) -> tuple[Cell, ...]:
    d = found.difference
    at = f"{found.at[1]}" if found.at[0] == found.at[1] else f"{found.at[0]}, {found.at[1]}"
    name = {
        "solved@n": f"solved@{at}",
        "any": f"solved by iteration {at}",
        "one": f"one sample, solved by iteration {at}",
    }
    return (
        Cell(name.get(found.kind, found.kind)),
        Cell(f"{100 * found.a:.1f} %"),
        Cell(f"{100 * found.b:.1f} %"),
        Cell(f"{100 * d.value:+.1f}", f"[{100 * d.low:+.1f}, {100 * d.high:+.1f}]"),
        Cell(p_value(found.p)),
    )


def _told_apart(rows: Sequence[VariantRow], names: Sequence[str]) -> list[str]:
    """What differs from row to row besides the factors under study, as in ids: `n5-d3`."""
    called = {"samples": "n", "debug-iters": "d"}
    columns = {n: [level(row, (n,)) for row in rows] for n in GRID if n not in names}
    varying = {name: values for name, values in columns.items() if len(set(values)) > 1}
    return [
        "-".join(f"{called.get(name, '')}{values[i]}" for name, values in varying.items())
        for i in range(len(rows))
    ]


def _forest(pairs: Sequence[Pair], names: Sequence[str]) -> Figure | None:
    """The differences in pass@1; their table is that of the comparison."""
    named: dict[int, str] = {}
    benchmarks = dict.fromkeys(pair.a.row.variant.benchmark for pair in pairs)
    for benchmark in benchmarks:
        of = [pair for pair in pairs if pair.a.row.variant.benchmark == benchmark]
        sides = [_side(side.row, names) for pair in of for side in (pair.b, pair.a)]
        short = told_apart(sides, SHORT)
        cells = _told_apart([pair.a.row for pair in of], names)
        for pair, cell, b, a in zip(of, cells, short[::2], short[1::2], strict=True):
            where = ", ".join(filter(None, [benchmark if len(benchmarks) > 1 else "", cell]))
            named[id(pair)] = f"{where}{where and ': '}{b} - {a}"
    if not named:
        return None
    rows = [(named[id(pair)], pair.contrasts[0].difference) for pair in pairs]
    whole = f"{visible(next(iter(benchmarks)))}: right" if len(benchmarks) == 1 else "Right"
    caption = (
        f"{whole} of the line the first named is better. Intervals are 95 %, paired by task; the "
        "tables below have all rates."
    )
    return Figure(charts.svg(forest(rows, "pass@1, differences")), caption, (), ())
