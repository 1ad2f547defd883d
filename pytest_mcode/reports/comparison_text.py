"""A comparison as lines for a terminal of 80 columns. Plain ASCII; somebody else prints them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_mcode.core.words import counted
from pytest_mcode.reports.comparison import Comparison, Contrast, Pair
from pytest_mcode.reports.comparison_factors import level, shown
from pytest_mcode.reports.comparison_layout import (
    MOST_NAMED,
    SIGNIFICANT,
    has_demonstration,
    interval,
    named,
    p_value,
    smallest,
    warnings,
)
from pytest_mcode.reports.comparison_levels import LEGEND as OF_LEVELS
from pytest_mcode.reports.comparison_levels import level_lines
from pytest_mcode.reports.comparison_request import why
from pytest_mcode.reports.layout import DEMONSTRATION, FEEDBACK, wrapped
from pytest_mcode.store.queries import VariantRow

LEGEND = (
    "pass@1: mean over tasks of the share of draws that passed. solved@n: any of n draws. "
    "solved by j: any sample, with at most j repairs. Differences are paired by task; intervals "
    "are 95 %, each of its row alone; p is two-sided: how often chance alone makes a difference "
    "this large."
)
OF_CHOICES = (
    "handed in: what is given without knowing the verdicts, the draw that the strategy chose or, "
    "where it chooses none, one draw as in pass@1."
)
SHOWN = {"model", "samples", "debug-iters", "strategy"}
"""Factors that stand in the description of every side."""
FIRST_ITERATIONS = 3
"""Those that are shown besides the last, unless all are asked for."""


def lines(comparison: Comparison, *, every: bool = False, width: int = 80) -> list[str]:
    """All families, what was refused, and how to read it; `every` names all tasks.

    Ids and names are never cut; only they can make a line longer than `width`.
    """
    found: list[str] = []
    tables = [f for f in comparison.families if len(f.pairs) > 1 and f.baseline]
    for family in comparison.families:
        if family in tables:
            said = level_lines(family, comparison.under_study, every, width)
            found += [line.rstrip() for line in said]
            continue
        for pair in family.pairs:
            said = _pair(pair, comparison.under_study, len(family.pairs), every, width)
            found += [line.rstrip() for line in said]
    for reason in dict.fromkeys(why(one, comparison.under_study) for one in comparison.refused):
        found += [*wrapped(f"NOT COMPARED: {reason}", width), ""]
    if comparison.alone:
        found += [*wrapped(_alone(comparison.alone), width), ""]
    found += wrapped(LEGEND, width)
    pairs = [pair for family in comparison.families for pair in family.pairs]
    if any(contrast.kind == "handed in" for pair in pairs for contrast in pair.contrasts):
        found += wrapped(OF_CHOICES, width)
    return found + (wrapped(OF_LEVELS, width) if tables else [])


def _alone(rows: Sequence[VariantRow]) -> str:
    names = ", ".join(f"{row.label} of {row.run_id}" for row in rows[:MOST_NAMED])
    more = len(rows) - MOST_NAMED
    return f"nothing to compare with: {names}" + (f" and {more} more" if more > 0 else "")


def _pair(pair: Pair, names: Sequence[str], count: int, every: bool, width: int) -> Iterator[str]:
    differ = f"A and B differ in {', '.join(names)}" if names else "A and B are the same experiment"
    benchmark = pair.a.row.variant.benchmark
    yield from wrapped(f"{benchmark}, {counted(pair.tasks, 'task')} in both: {differ}", width)
    for letter, side in (("A", pair.a), ("B", pair.b)):
        whose = f"{side.row.variant.model}, run {side.row.run_id}"
        yield from (f"  {line}" for line in wrapped(f"{letter}  {whose}", width - 2))
        yield from (f"     {line}" for line in wrapped(_cell(side.row, names), width - 5))
    if has_demonstration([pair]):
        yield from (f"  {line}" for line in wrapped(DEMONSTRATION, width - 2))
    yield from (f"  {line}" for line in warnings(pair, names, every, width - 2))
    if count > 1:
        yield f"  p adjusted for {count} comparisons (Holm)"
    yield ""
    yield f"  {'':23}{'A %':>7}{'B %':>9}{'B - A':>9}   {'95 % interval':18}{'p':>9}"
    for contrast in pair.contrasts:
        if every or _is_shown(contrast):
            yield f"  {_row(contrast)}"
    yield ""
    yield from (f"  {line}" for line in _said(pair, width - 2))
    for who, solved in (("B", pair.won), ("A", pair.lost)):
        yield from (f"  {x}" for x in named(f"solved by {who} alone", solved, every, width - 2))
    yield ""


def _cell(row: VariantRow, names: Sequence[str]) -> str:
    cell = row.variant
    parts = [f"samples {cell.samples}", f"repairs {cell.debug_iters} ({cell.strategy})"]
    if cell.debug_iters:
        parts.append(f"feedback {FEEDBACK.get(cell.feedback, cell.feedback)}")
    parts += [f"{name} {shown([level(row, name)])}" for name in names if name not in SHOWN]
    return ", ".join(parts)


def _is_shown(contrast: Contrast) -> bool:
    early = contrast.at[0] <= FIRST_ITERATIONS
    return contrast.kind not in ("any", "one") or contrast.last or early


def _row(contrast: Contrast) -> str:
    return (
        f"{_name(contrast):<23}{100 * contrast.a:7.2f}{100 * contrast.b:9.2f}"
        f"{100 * contrast.difference.value:+9.2f}   {interval(contrast):18}"
        f"{p_value(contrast.p):>9}"
    )


def _name(contrast: Contrast) -> str:
    before, after = contrast.at
    both = f"{before}" if before == after else f"{before}, {after}"
    if contrast.kind in ("pass@1", "handed in"):
        return contrast.kind
    if contrast.kind == "solved@n":
        return f"solved@{both}"
    return f"{'solved' if contrast.kind == 'any' else 'one sample'} by j = {both}"


def _said(pair: Pair, width: int) -> Iterator[str]:
    """What the rates of draws and of the last iteration say, and what they could not have said."""
    told = [c for c in pair.contrasts if c.kind not in ("any", "one") or c.last]
    for contrast in told:
        yield from wrapped(f"{_name(contrast)}: {_conclusion(contrast)}", width)
    moving = [c for c in told if c.difference.won or c.difference.lost] or told
    finds = "; ".join(f"{smallest(c.detectable)} in {_name(c)}" for c in moving)
    yield from wrapped(
        "Smallest true difference, in points, that a comparison on such tasks finds in 80 of 100 "
        f"cases: {finds}. A smaller one may be there unseen.",
        width,
    )


def _conclusion(contrast: Contrast) -> str:
    found = contrast.difference
    if not found.won and not found.lost:
        return "A and B are equal in every task"
    where = f"B is higher in {counted(found.won, 'task')}, A in {found.lost:,}"
    if contrast.p < SIGNIFICANT:
        return f"{'B' if found.value > 0 else 'A'} is better ({where})"
    low, high = f"{100 * found.low:+.2f}", f"{100 * found.high:+.2f}"
    return f"no difference was found ({where}); the true one may be anything from {low} to {high}"
