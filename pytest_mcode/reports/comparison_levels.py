"""Several levels of a factor against the first of them, a table for each rate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_mcode.core.words import counted
from pytest_mcode.reports.comparison import Contrast, Family, Kind, Pair
from pytest_mcode.reports.comparison_layout import (
    SIGNIFICANT,
    has_demonstration,
    interval,
    level,
    named,
    p_value,
    smallest,
    warnings,
)
from pytest_mcode.reports.layout import DEMONSTRATION, FEEDBACK, wrapped

LEGEND = (
    "diff: points above the baseline. finds: the smallest true difference that a comparison on "
    "such tasks finds (p < 0.05) in 80 of 100 repetitions; smaller ones may be there unseen."
)
NAME = 22
"""Columns of a level's name; a longer one has a line to itself."""
TABLES: tuple[tuple[Kind, bool], ...] = (
    ("pass@1", False),
    ("solved@n", False),
    ("handed in", False),
    ("any", True),
    ("one", True),
)
"""Kind of a contrast, and whether it is of the last iteration."""


def level_lines(family: Family, names: Sequence[str], every: bool, width: int) -> Iterator[str]:
    """All that is said of a family whose pairs have one baseline."""
    first, count = family.pairs[0].a.row, len(family.pairs)
    yield from wrapped(_title(family, names), width)
    yield from (
        f"  {line}"
        for line in wrapped(
            f"baseline: {level(first, names)} (run {first.run_id}); p adjusted for {count} "
            "comparisons (Holm)",
            width - 2,
        )
    )
    if has_demonstration(family.pairs):
        yield from (f"  {line}" for line in wrapped(DEMONSTRATION, width - 2))
    yield from _notes(family, names, every, width)
    for kind, last in TABLES:
        found = [
            (pair, contrast)
            for pair in family.pairs
            for contrast in pair.contrasts
            if (contrast.kind, contrast.last) == (kind, last)
        ]
        if found:
            yield ""
            yield from (f"  {line}" for line in _table(found, names, width - 2))
    yield ""
    yield from (f"  {line}" for line in _solved(family, names, every, width - 2))
    yield ""


def _title(family: Family, names: Sequence[str]) -> str:
    cell = family.pairs[0].a.row.variant
    fixed = {
        "model": cell.model,
        "samples": f"samples {cell.samples}",
        "debug-iters": f"repairs {cell.debug_iters}",
        "strategy": f"({cell.strategy})",
    }
    kept = [text for name, text in fixed.items() if name not in names]
    return f"{'  '.join([cell.benchmark, *kept])}: levels of {', '.join(names)}"


def _notes(family: Family, names: Sequence[str], every: bool, width: int) -> Iterator[str]:
    """Each warning once, with the levels that it is of, where not all are meant."""
    found: dict[tuple[str, ...], list[Pair]] = {}
    for pair in family.pairs:
        lines = tuple(warnings(pair, names, every, width - 4))
        found.setdefault(lines, []).append(pair)
    for lines, pairs in found.items():
        if lines and len(pairs) < len(family.pairs):
            of = "; ".join(level(pair.b.row, names) for pair in pairs)
            yield f"  A {level(pairs[0].a.row, names)}, B {of}:"
        yield from (f"  {'  ' if len(pairs) < len(family.pairs) else ''}{x}" for x in lines)


def _table(
    found: Sequence[tuple[Pair, Contrast]], names: Sequence[str], width: int
) -> Iterator[str]:
    pairs = [pair for pair, _ in found]
    head = found[0][1]
    title, first = _heading(head, pairs), level(pairs[0].a.row, names)
    if not any(c.difference.won or c.difference.lost for _, c in found):
        yield from wrapped(f"{title}: the same in every task", width)
        return
    yield from wrapped(title, width)
    columns = f"{'%':>7}{'diff':>9}   {'95 % interval':18}{'p':>8}{'finds':>8}"
    yield f"{' / '.join(names)[: NAME - 1]:<{NAME}}{columns}"
    known = [pair.a.row.counts.done == pair.tasks for pair in pairs]
    yield from _line(first, f"{100 * head.a:7.2f}" if all(known) else "")
    for pair, c in found:
        star = "*" if pair.partial else ""
        yield from _line(
            f"{level(pair.b.row, names)}{star}",
            f"{100 * c.b:7.2f}{100 * c.difference.value:+9.2f}   {interval(c):18}"
            f"{p_value(c.p):>8}{smallest(c.detectable):>8}",
        )
    for pair, c in found:
        if pair.partial:
            on = f"* {level(pair.b.row, names)}: {counted(pair.tasks, 'task')}"
            yield from wrapped(f"{on}, on which {first} has {100 * c.a:.2f}", width)
    yield from wrapped(_conclusion(found, names), width)


def _line(name: str, cells: str) -> Iterator[str]:
    if len(name) >= NAME:
        yield name
        name = ""
    yield f"{name:<{NAME}}{cells}"


def _conclusion(found: Sequence[tuple[Pair, Contrast]], names: Sequence[str]) -> str:
    first = level(found[0][0].a.row, names)
    clear = [(pair, c.difference.value) for pair, c in found if c.p < SIGNIFICANT]
    better = "; ".join(level(pair.b.row, names) for pair, value in clear if value > 0)
    worse = "; ".join(level(pair.b.row, names) for pair, value in clear if value < 0)
    said = [f"better than {first}: {better}"] if better else []
    said += [f"worse than {first}: {worse}"] if worse else []
    return f"-> {', '.join(said) or f'no difference from {first} was found'}"


def _solved(family: Family, names: Sequence[str], every: bool, width: int) -> Iterator[str]:
    before = level(family.pairs[0].a.row, names)
    same = []
    for pair in family.pairs:
        after = level(pair.b.row, names)
        if pair.won:
            yield from named(f"solved by {after}, not by {before}", pair.won, every, width)
        if pair.lost:
            yield from named(f"solved by {before}, not by {after}", pair.lost, every, width)
        if not pair.won and not pair.lost:
            same.append(after)
    if same:
        yield from wrapped(f"the same tasks are solved by {before} and by {'; '.join(same)}", width)


def _heading(contrast: Contrast, pairs: Sequence[Pair]) -> str:
    cells = [side.row.variant for pair in pairs for side in (pair.a, pair.b)]
    counts = {cell.samples for cell in cells}
    n = str(*counts) if len(counts) == 1 else "n"
    if contrast.kind in ("pass@1", "handed in"):
        return contrast.kind
    if contrast.kind == "solved@n":
        return f"solved@{n}: any of {n} draws passed"
    reached = {cell.debug_iters for cell in cells}
    last = f"iteration {reached.pop()}" if len(reached) == 1 else "the last iteration"
    sources = ", ".join(sorted({FEEDBACK.get(cell.feedback, cell.feedback) for cell in cells}))
    whose = f", any of {n} samples" if contrast.kind == "any" else f", one sample (mean of {n})"
    return f"solved by {last}{whose if counts != {1} else ''} (feedback: {sources})"
