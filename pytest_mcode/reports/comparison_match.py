"""Which measurements are compared with which, and which must not be."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytest_mcode.reports.comparison_factors import (
    DATA,
    FACTORS,
    Level,
    differences,
    levels,
    rest,
)
from pytest_mcode.reports.selection import says_more
from pytest_mcode.store.queries import VariantRow

TASKS = "tasks"
"""Stands for a factor where two measurements have no task in common."""

Match = tuple[VariantRow, VariantRow]


@dataclass(frozen=True)
class Refusal:
    """Two measurements whose difference would have another cause, or none that can be named."""

    a: VariantRow
    b: VariantRow
    factors: tuple[str, ...]
    """Those in which they differ and that are not under study."""
    parts: tuple[str, ...]
    """Of the fingerprint."""


@dataclass(frozen=True)
class Matches:
    """What is to be compared."""

    under_study: tuple[str, ...]
    """Factors that differ between the two of a match; empty: the same experiment twice."""
    families: tuple[tuple[Match, ...], ...]
    """Those of a family answer one question, and their p-values are adjusted together."""
    refused: tuple[Refusal, ...]
    alone: tuple[VariantRow, ...]
    """Measured, but nothing to compare it with."""


def between(
    rows_a: Sequence[VariantRow], rows_b: Sequence[VariantRow], under_study: Sequence[str] = ()
) -> Matches:
    """Match the variants of two runs, a family per benchmark.

    Without `under_study` they may differ in one factor, which is then the one under study: none if
    any two are of the same cell, else the one that matches most of them.
    """
    found = {
        (a.variant_id, b.variant_id): (a, b, differences(a, b))
        for a in rows_a
        for b in rows_b
        if a.counts.done and b.counts.done and a.variant.benchmark == b.variant.benchmark
    }
    sets = [frozenset(names) for _, _, names in found.values()]
    studied = frozenset(under_study) if under_study else _cause(sets)
    fitting = {names for names in sets if studied is not None and names <= studied}
    fitting = {names for names in fitting if names} or fitting
    matches = [(a, b) for a, b, names in found.values() if frozenset(names) in fitting]
    families: defaultdict[str, list[Match]] = defaultdict(list)
    for a, b in matches:
        families[a.variant.benchmark].append((a, b))
    shown = {row.variant_id for match in matches for row in match}
    nearest = min(found.values(), key=lambda f: len(set(f[2]) - set(under_study)), default=None)
    refused = [] if matches or nearest is None else [refusal(*nearest, under_study)]
    return Matches(
        tuple(sorted(studied, key=_rank) if studied else under_study),
        tuple(tuple(family) for family in families.values()),
        tuple(refused),
        tuple(row for row in (*rows_a, *rows_b) if row.variant_id not in shown),
    )


def refusal(
    a: VariantRow, b: VariantRow, names: Mapping[str, Sequence[str]], under_study: Sequence[str]
) -> Refusal:
    """Name what is not under study in the differences of two measurements."""
    wrong = sorted(set(names) - set(under_study), key=_rank)
    return Refusal(a, b, tuple(wrong), tuple(part for name in wrong for part in names[name]))


def _cause(sets: Sequence[frozenset[str]]) -> frozenset[str] | None:
    if frozenset() in sets:
        return frozenset()
    single = Counter(names for names in sets if len(names) == 1 and DATA not in names)
    ordered = sorted(single, key=lambda names: _rank(*names))
    return max(ordered, key=single.__getitem__, default=None)


def _rank(name: str) -> tuple[int, str]:
    return (FACTORS.index(name) if name in FACTORS else len(FACTORS)), name


def by_level(
    rows: Sequence[VariantRow],
    tasks: Mapping[int, frozenset[str]],
    under_study: Sequence[str],
    order: Sequence[str] = (),
) -> Matches:
    """Match the levels of the factors under study, each with the first of its family.

    `rows` come newest first, `tasks` holds their planned tasks. Numbers rise; other levels stand in
    `order`, then as they were measured. Of several measurements of a level the newest is taken
    whose other settings and tasks are those of most other levels; a run of fewer tasks does not
    hide the same experiments on more.
    """
    groups: defaultdict[tuple[object, ...], list[VariantRow]] = defaultdict(list)
    for row in rows:
        if row.counts.done:
            groups[rest(row, under_study)].append(row)
    families, refused, alone = [], [], []
    for members in sorted(groups.values(), key=lambda group: _when(group[-1])):
        chosen = _sorted(_largest(members, tasks, under_study), under_study, order)
        others = _others(chosen, members, under_study)
        for row in others:
            names = differences(chosen[0], row)
            if set(names) <= set(under_study) and tasks[chosen[0].variant_id] & _of(tasks, row):
                chosen.append(row)
            elif set(names) <= set(under_study):
                refused.append(Refusal(chosen[0], row, (TASKS,), (TASKS,)))
            else:
                refused.append(refusal(chosen[0], row, names, under_study))
        first, *following = _sorted(chosen, under_study, order)
        families += [tuple((first, row) for row in following)] if following else []
        alone += [] if following else [first]
    return Matches(tuple(under_study), tuple(families), tuple(refused), tuple(alone))


def _when(row: VariantRow) -> tuple[str, int]:
    return row.started, row.variant_id


def _of(tasks: Mapping[int, frozenset[str]], row: VariantRow) -> frozenset[str]:
    return tasks.get(row.variant_id, frozenset())


def _largest(
    members: Sequence[VariantRow], tasks: Mapping[int, frozenset[str]], under_study: Sequence[str]
) -> list[VariantRow]:
    """The newest of each level in the largest set of members that differ in nothing else; of the
    same experiments that on more tasks, as in `selection.select`."""
    best: dict[tuple[Level, ...], VariantRow] = {}
    left = list(members)
    while left:
        first = left[0]
        alike = [
            row
            for row in left
            if set(differences(first, row)) <= set(under_study)
            and _of(tasks, first) == _of(tasks, row)
        ]
        left = [row for row in left if row not in alike]
        newest: dict[tuple[Level, ...], VariantRow] = {}
        for row in alike:
            newest.setdefault(levels(row, under_study), row)
        more = newest.keys() == best.keys() and all(
            says_more(row, best[key]) for key, row in newest.items()
        )
        if len(newest) > len(best) or more:
            best = newest
    return list(best.values())


def _others(
    chosen: Sequence[VariantRow], members: Sequence[VariantRow], under_study: Sequence[str]
) -> list[VariantRow]:
    """Of each level that is not among the chosen the newest measurement."""
    known = {levels(row, under_study) for row in chosen}
    found: dict[tuple[Level, ...], VariantRow] = {}
    for row in members:
        if levels(row, under_study) not in known:
            found.setdefault(levels(row, under_study), row)
    return list(found.values())


def _sorted(
    rows: Sequence[VariantRow], under_study: Sequence[str], order: Sequence[str]
) -> list[VariantRow]:
    values = {row.variant_id: levels(row, under_study) for row in rows}
    measured = sorted(rows, key=_when)
    columns = zip(*values.values(), strict=True)
    rising = [all(isinstance(v, int | float) for v in column) for column in columns]

    def key(row: VariantRow) -> tuple[tuple[float, float], ...]:
        return tuple(
            (float(value), 0.0) if numeric else _place(str(value), order)
            for value, numeric in zip(values[row.variant_id], rising, strict=True)
        )

    return sorted(measured, key=key)


def _place(value: str, order: Sequence[str]) -> tuple[float, float]:
    return (order.index(value) if value in order else len(order)), 0.0
