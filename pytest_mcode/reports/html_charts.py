"""The charts of the page, each with the same numbers as a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pytest_mcode.core.words import counted
from pytest_mcode.reports import charts
from pytest_mcode.reports.charts import Chart, Series, Spot
from pytest_mcode.reports.html_cells import Cell, names, rate, states, told_apart
from pytest_mcode.reports.layout import FEEDBACK
from pytest_mcode.reports.row_charts import Bar, bars
from pytest_mcode.reports.summary import Rates, VariantSummary
from pytest_mcode.stats.estimate import Estimate
from pytest_mcode.store.spending import Spent

MOST = 12
"""Series of one chart."""


@dataclass(frozen=True)
class Figure:
    """A chart, what one reads from it, and its numbers."""

    svg: str
    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def figures(variants: Sequence[VariantSummary], spent: Mapping[int, Spent]) -> Iterator[Figure]:
    """All charts that the variants of one benchmark have the numbers for."""
    measured = [v for v in variants if v.rates is not None]
    scaled = _largest(measured, lambda v: (v.row.variant.samples, -v.row.variant.debug_iters))
    scaled = [v for v in scaled if v.rates and len(v.rates.pass_at) > 1]
    if scaled:
        yield _pass_at_k(scaled)
    elif len(measured) > 1:
        yield _bars(measured)
    repaired = [v for v in measured if v.row.variant.debug_iters]
    repaired = _largest(repaired, lambda v: (v.row.variant.debug_iters, v.row.variant.samples))
    yield from _iterations(repaired)
    yield from _spending(measured, spent)


def _largest(
    variants: Sequence[VariantSummary], size: Callable[[VariantSummary], tuple[int, int]]
) -> list[VariantSummary]:
    """Of cells that differ in samples and repairs alone, the one that holds most of the others."""
    found: dict[tuple[object, ...], VariantSummary] = {}
    for v in variants:
        cell = v.row.variant
        feedback = cell.feedback if size(v)[0] == cell.debug_iters else ""
        key = cell.model, cell.strategy, cell.options, v.row.timeout_s, feedback
        if key not in found or size(v) > size(found[key]):
            found[key] = v
    return list(found.values())


def _left_out(count: int) -> str:
    return f" In the table alone: {count - MOST} more." if count > MOST else ""


def _named(variants: Sequence[VariantSummary]) -> list[tuple[str, VariantSummary]]:
    """With the mark of those that are not complete."""
    called, marks = names([v.row for v in variants]), states(variants)
    return [
        (f"{called[v.row.variant_id]}{f' ({m})' if m else ''}", v)
        for v, m in zip(variants, marks, strict=True)
    ]


def _lines(
    draw: Callable[..., Chart],
    title: str,
    caption: str,
    x: str,
    found: Sequence[tuple[str, Sequence[tuple[int, Estimate]]]],
) -> Figure:
    series = [Series(name, tuple((float(at), e) for at, e in points)) for name, points in found]
    chart = draw(series[:MOST], title)
    every = sorted({at for _, points in found for at, _ in points})
    rows = []
    for name, points in found:
        at = dict(points)
        rows.append((Cell(name), *(rate(at[k]) if k in at else Cell("") for k in every)))
    head = ("variant", *(f"{x} = {k}" for k in every))
    return Figure(charts.svg(chart), caption + _left_out(len(found)), head, tuple(rows))


def _pass_at_k(variants: Sequence[VariantSummary]) -> Figure:
    found = [(name, v.rates.pass_at) for name, v in _named(variants) if v.rates]
    caption = (
        "pass@k: the chance that one of k independent draws passes, without feedback (unbiased). "
        "Bands, or bars, are 95 % intervals over tasks."
    )
    return _lines(charts.coverage, "pass@k", caption, "k", found)


def _bars(variants: Sequence[VariantSummary]) -> Figure:
    found = [(name, v.rates.pass_at[0][1]) for name, v in _named(variants) if v.rates]
    short = told_apart([name for name, _ in found])
    shown = [Bar(name, e) for name, (_, e) in zip(short, found, strict=True)]
    drawn = bars(shown[:MOST], "pass@1")
    caption = "pass@1 with its 95 % interval over tasks." + _left_out(len(found))
    rows = tuple((Cell(name), rate(e)) for name, e in found)
    return Figure(charts.svg(drawn), caption, ("variant", "pass@1"), rows)


def _iterations(variants: Sequence[VariantSummary]) -> Iterator[Figure]:
    sources = sorted({v.row.variant.feedback for v in variants})
    said = "; ".join(FEEDBACK.get(source, source) for source in sources)
    kinds: tuple[tuple[str, Callable[[Rates], tuple[Estimate, ...]]], ...] = (
        ("one sample", lambda r: r.one_by_iteration),
        ("any of the n samples", lambda r: r.any_by_iteration),
    )
    for kind, of in kinds:
        found = [
            (name, tuple(enumerate(of(v.rates))))
            for name, v in _named(variants)
            if v.rates and of(v.rates) and (v.row.variant.samples > 1 or kind == "one sample")
        ]
        if found:
            yield _lines(
                charts.iterations,
                f"solved by iteration j, {kind}",
                f"After at most j repairs; feedback: {said}. Not comparable with pass@k: the model "
                "has seen errors.",
                "j",
                found,
            )


def _spending(variants: Sequence[VariantSummary], spent: Mapping[int, Spent]) -> Iterator[Figure]:
    """What a variant reaches by its last iteration, over what it takes."""
    asked = [v for v in variants if v.spending.asked]
    told = [v for v in asked if not v.spending.unreported]
    tokens = {v.row.variant_id: spent[v.row.variant_id].completion_tokens for v in told}
    timed = [v for v in asked if not v.totals.reused]
    seconds = {v.row.variant_id: v.totals.request_s + v.totals.check_s for v in timed}
    for chosen, sums, unit, why in (
        (told, tokens, "completion tokens per task", "whose server counted none"),
        (timed, seconds, "seconds per task (summed)", "that took answers from the database"),
    ):
        if len(chosen) > 1:
            out = len(asked) - len(chosen)
            note = f" Left out: {counted(out, 'variant')} {why}." if out else ""
            yield _spots(chosen, sums, unit, note)


def _any(rates: Rates) -> Estimate:
    return rates.any_by_iteration[-1]


def _spots(
    variants: Sequence[VariantSummary], sums: Mapping[int, float], unit: str, note: str
) -> Figure:
    spots = [
        Spot(name, sums[v.row.variant_id] / v.row.counts.done, v.choices.handed_in or _any(v.rates))
        for name, v in _named(variants)
        if v.rates
    ]
    drawn = charts.spending(spots[: 2 * MOST], f"solved over {unit}", spent=unit)
    front = {spot.name for spot in charts.pareto(spots)}
    caption = (
        "Tasks solved by any sample and by the last iteration, or by the one sample that a "
        "strategy hands in, over what all took. The dashed line is the Pareto front: no variant "
        f"shown reaches more with less.{note}"
    )
    rows = tuple(
        (
            Cell(s.name),
            Cell(f"{s.spent:,.1f}"),
            rate(s.rate),
            Cell("yes" if s.name in front else ""),
        )
        for s in sorted(spots, key=lambda s: s.spent)
    )
    return Figure(charts.svg(drawn), caption, ("variant", unit, "solved", "Pareto front"), rows)
