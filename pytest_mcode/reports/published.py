"""Rates that others have published, beside those measured here, for HumanEval+ and MBPP+.

They come from `published.json`, each with source and date, are marked, and enter no interval and
no comparison: nothing of them but two rounded rates is known here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from pytest_mcode.reports import comparable
from pytest_mcode.reports.layout import mark, wrapped
from pytest_mcode.reports.summary import Summary, VariantSummary

FILE = Path(__file__).with_name("published.json")
NOTE = (
    "published: by EvalPlus, sources in docs/evalplus.md; not measured here, and part of no "
    "interval or comparison."
)
TITLE = "Beside published rates"
HEAD = ("benchmark", "model", "measured", "pass@1 base %", "pass@1 base + plus %")


class Row(NamedTuple):
    """A model's two rates, in per cent."""

    benchmark: str
    model: str
    origin: str
    """`published DATE`, or of a measurement here whether it is comparable."""
    base: float | None
    """pass@1 by the original tests."""
    plus: float | None
    """pass@1 by these and the further ones."""
    source: str = ""
    """Address of what was read."""


@cache
def known() -> tuple[Row, ...]:
    """The rows of `published.json`."""
    return tuple(
        Row(r["benchmark"], r["model"], f"published {r['date']}", r["base"], r["plus"], r["source"])
        for r in json.loads(FILE.read_text("utf-8"))
    )


def beside(summary: Summary) -> list[Row]:
    """Measured and published rows of each benchmark that has both, best first."""
    measured = [
        _measured(v)
        for v in summary.variants
        if v.rates is not None and v.row.variant.benchmark in _benchmarks()
    ]
    found: list[Row] = []
    for benchmark in dict.fromkeys(row.benchmark for row in measured):
        rows = [row for row in (*measured, *known()) if row.benchmark == benchmark]
        found += sorted(rows, key=lambda row: -1.0 if row.plus is None else row.plus, reverse=True)
    return found


def table(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """The cells below `HEAD`, for pages that are wider than a terminal."""
    return [(r.benchmark, r.model, r.origin, percent(r.base), percent(r.plus)) for r in rows]


def sources(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """(published DATE, address) of the published rows, each once, the newest first."""
    return sorted({(row.origin, row.source) for row in rows if row.source}, reverse=True)


def lines(summary: Summary, width: int = 80) -> list[str]:
    """A table for the terminal; none where nothing is published."""
    rows = beside(summary)
    if not rows:
        return []
    origin = max(len(row.origin) for row in rows)
    column = min(max(len(row.model) for row in rows), width - origin - 19)
    found: list[str] = []
    for row in rows:
        if row.benchmark not in (line.partition(" ")[0] for line in found):
            title = f"{row.benchmark} pass@1 %"
            found.append(f"{title:{column + origin + 4}}  {'base':>5}  {'plus':>5}")
        rates = f"{row.origin:{origin}}  {percent(row.base):>5}  {percent(row.plus):>5}"
        fits = len(row.model) <= column
        found += [f"  {row.model:{column}}  {rates}"] if fits else [f"  {row.model}"]
        found += [] if fits else [f"  {'':{column}}  {rates}"]
    return [*found, *wrapped(NOTE, width)]


def percent(rate: float | None) -> str:
    """One digit, as published."""
    return "-" if rate is None else f"{rate:.1f}"


def _benchmarks() -> frozenset[str]:
    return frozenset(row.benchmark for row in known())


def _measured(variant: VariantSummary) -> Row:
    cell, rates, base = variant.row.variant, variant.rates, None
    state = "here, not comparable" if comparable.reasons(variant) else "here"
    if mark(variant.row.counts):
        state = "here, INCOMPLETE"
    for name, at in rates.groups if rates else ():
        base = 100 * at[0][1].value if name == "base" else base
    plus = 100 * rates.pass_at[0][1].value if rates else None
    return Row(cell.benchmark, cell.label, state, base, plus)
