"""The pieces of which the texts of comparisons are made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_mcode.core.words import counted
from pytest_mcode.reports.comparison import Contrast, Pair
from pytest_mcode.reports.comparison_factors import levels, shown
from pytest_mcode.reports.layout import is_demonstration, wrapped
from pytest_mcode.store.queries import VariantRow

SIGNIFICANT = 0.05
MOST_NAMED = 10
"""Tasks of a list, unless all are asked for."""
SAME_DRAWS = {
    *("samples", "debug-iters", "strategy", "feedback"),
    *("timeout", "memory", "output-kb", "verify-times", "sandbox", "extraction"),
}
"""Factors that leave a draw as it is, so that both may have used the same."""


def level(row: VariantRow, names: Sequence[str]) -> str:
    """The values of the factors under study."""
    return shown(levels(row, names))


def interval(contrast: Contrast) -> str:
    """`[  +3.92,  +13.31]`, points, 18 columns."""
    found = contrast.difference
    return f"[{100 * found.low:+7.2f},{100 * found.high:+8.2f}]"


def p_value(p: float) -> str:
    """Three decimals, or `<0.001`."""
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def smallest(detectable: float | None) -> str:
    """Points, or `none` where not even the largest difference would be found."""
    return "none" if detectable is None else f"{100 * detectable:.1f}"


def named(what: str, names: Sequence[str], every: bool, width: int) -> list[str]:
    """`what: 14 (first, ... and 4 more, -v names all)`, wrapped; `what: none` without names."""
    if not names:
        return [f"{what}: none"]
    first = names if every else names[:MOST_NAMED]
    more = len(names) - len(first)
    rest = f" and {more} more, -v names all" if more else ""
    return wrapped(f"{what}: {len(names)} ({', '.join(first)}{rest})", width)


def has_demonstration(pairs: Sequence[Pair]) -> bool:
    """Whether the model that travels with the package has a part in it."""
    return any(is_demonstration(side.row) for pair in pairs for side in (pair.a, pair.b))


def warnings(pair: Pair, names: Sequence[str], every: bool, width: int) -> Iterator[str]:
    """What must be known before the numbers of A and B are read."""
    if min(pair.a.row.counts.planned, pair.b.row.counts.planned) < pair.a.of:
        yield from wrapped(
            f"SUBSET: {pair.tasks:,} of the {pair.a.of:,} tasks of {pair.a.row.variant.benchmark}; "
            "rates and differences are of these alone.",
            width,
        )
    if pair.partial:
        yield from wrapped(coverage(pair), width)
    for letter, side in (("A", pair.a), ("B", pair.b)):
        if side.infra:
            yield from named(f"INFRA in {letter}, left out", side.infra, every, width)
        if side.flaky:
            yield f"FLAKY: {counted(side.flaky, 'verdict')} in {letter}; no pass."
    reused = pair.a.reused or pair.b.reused or pair.a.row.run_id == pair.b.row.run_id
    if reused and SAME_DRAWS.issuperset(names):
        yield from wrapped(
            "Draws that both need are shared, unless --mcode-pool=off was given: chance between "
            "draws is not in the difference.",
            width,
        )
    if pair.unmoving:
        parts = ", ".join(pair.unmoving)
        yield from wrapped(f"They differ in {parts} too, which favours neither.", width)


def coverage(pair: Pair) -> str:
    """Which tasks are compared, where it is not all of them."""
    a, b = pair.a.row.counts, pair.b.row.counts
    if a.complete and b.complete:
        return (
            f"OTHER TASKS: A has {a.planned:,}, B has {b.planned:,}; compared are the "
            f"{pair.tasks:,} that both have."
        )
    return (
        f"INCOMPLETE: A has measured {a.done:,} of {counted(a.planned, 'task')}, B {b.done:,} of "
        f"{b.planned:,}. Compared are the {pair.tasks:,} that both have, which may be easier or "
        "harder than the others: finish the run with --mcode-resume first."
    )
