"""Are two measurements different? Paired by task, in frozen records without layout.

A and B are compared over the tasks that both have measured without infra error. Each rate keeps its
name: pass@1 is the mean over tasks of the share of their draws that passed, solved@n "any of n
draws", solved by iteration j counts repairs. Flaky and forged verdicts are no passes, as always.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pytest_mcode.reports.comparison_factors import unmoving
from pytest_mcode.reports.comparison_match import (
    TASKS,
    Match,
    Matches,
    Refusal,
    between,
    by_level,
)
from pytest_mcode.reports.selection import benchmark_tasks
from pytest_mcode.stats.multiple import holm
from pytest_mcode.stats.paired import Difference, difference
from pytest_mcode.stats.power import Noise, minimum_detectable
from pytest_mcode.store import per_task, queries
from pytest_mcode.store.per_task import TaskResult
from pytest_mcode.store.queries import VariantRow
from pytest_mcode.store.reader import Reader

Kind = Literal["pass@1", "solved@n", "handed in", "any", "one"]
"""`handed in`: what a strategy gives without knowing the verdicts, the draw that it chose or, where
it chooses none, one draw (pass@1); only where A or B chooses. `any`: any of the n samples solved by
iteration j. `one`: mean of the n samples."""


@dataclass(frozen=True)
class Contrast:
    """One rate in A and in B, over the tasks that both measured."""

    kind: Kind
    at: tuple[int, int]
    """In A and in B: n of solved@n, the iteration j of `any` and `one`, else 1."""
    last: bool
    """Of `any` and `one`: j is the last iteration that each of them had."""
    a: float
    """0..1."""
    b: float
    difference: Difference
    p: float
    """Of `difference`, adjusted by Holm's method for the other comparisons of the family."""
    detectable: float | None
    """The smallest true difference, 0..1, that is found (p < 0.05) with 80 % power; None if not
    even 1 is."""


@dataclass(frozen=True)
class Side:
    """One of the two."""

    row: VariantRow
    infra: tuple[str, ...]
    """Tasks whose machinery failed: in no number."""
    flaky: int
    """Attempts whose verdict is flaky."""
    reused: int
    """Attempts whose answer had been drawn before, perhaps for the other side."""
    of: int = 0
    """Tasks of the benchmark; 0 where that is not known."""


@dataclass(frozen=True)
class Pair:
    """A against B."""

    a: Side
    b: Side
    tasks: int
    """Measured in both."""
    unmoving: tuple[str, ...]
    """Parts of the fingerprints that differ and move no number but by chance."""
    contrasts: tuple[Contrast, ...]
    """pass@1 first; of `any` and `one` rising j, the last iteration last."""
    won: tuple[str, ...]
    """Tasks that B has solved (any sample, by its last iteration) and A has not."""
    lost: tuple[str, ...]

    @property
    def partial(self) -> bool:
        """Tasks that were planned for one of them are not compared."""
        return self.tasks < max(self.a.row.counts.planned, self.b.row.counts.planned)


@dataclass(frozen=True)
class Family:
    """Comparisons whose p-values are adjusted together."""

    pairs: tuple[Pair, ...]

    @property
    def baseline(self) -> Side | None:
        """The A of all pairs, if it is one and the same."""
        same = {pair.a.row.variant_id for pair in self.pairs}
        return self.pairs[0].a if len(same) == 1 else None


@dataclass(frozen=True)
class Comparison:
    """All that was compared, and all that was not."""

    under_study: tuple[str, ...]
    """Factors that differ; empty: nothing does."""
    families: tuple[Family, ...]
    refused: tuple[Refusal, ...]
    alone: tuple[VariantRow, ...]


def compare(
    reader: Reader,
    rows_a: Sequence[VariantRow],
    rows_b: Sequence[VariantRow],
    under_study: Sequence[str] = (),
) -> Comparison:
    """Compare the variants of A with those of B that differ in the factors under study alone.

    Without `under_study` it is the one factor in which they differ; see `comparison_match.between`.
    """
    with reader.snapshot():
        return _compared(reader, between(rows_a, rows_b, under_study))


def compare_levels(
    reader: Reader,
    rows: Sequence[VariantRow],
    under_study: Sequence[str],
    order: Sequence[str] = (),
) -> Comparison:
    """Compare the levels of the factors under study, all else equal, with the first level.

    `rows` come newest first; see `comparison_match.by_level`.
    """
    with reader.snapshot():
        tasks = queries.tasks(reader, [row.variant_id for row in rows])
        return _compared(reader, by_level(rows, tasks, under_study, order))


def _compared(reader: Reader, matches: Matches) -> Comparison:
    sides = _Sides(reader, matches)
    families, refused = [], list(matches.refused)
    for family in matches.families:
        pairs = []
        for match in family:
            pair = _pair(sides, match)
            if pair is None:
                refused.append(Refusal(*match, (TASKS,), (TASKS,)))
            else:
                pairs.append(pair)
        if pairs:
            families.append(Family(_adjusted(pairs)))
    return Comparison(matches.under_study, tuple(families), tuple(refused), matches.alone)


class _Sides:
    """What the store holds of the variants that are compared, each read once."""

    def __init__(self, reader: Reader, matches: Matches) -> None:
        every = {row.variant_id: row for f in matches.families for match in f for row in match}
        noted = per_task.flaky_and_reused(reader, list(every))
        failed = per_task.infra(reader, list(every))
        self.results = {key: per_task.results(reader, key) for key in every}
        sizes = reader.sizes()
        self.sides = {
            key: Side(row, failed.get(key, ()), *noted[key], benchmark_tasks(row, sizes))
            for key, row in every.items()
        }


def _pair(sides: _Sides, match: Match) -> Pair | None:
    a, b = match
    results = sides.results[a.variant_id], sides.results[b.variant_id]
    shared = [task for task in results[0] if task in results[1]]
    if not shared:
        return None
    tried = a.variant.debug_iters, b.variant.debug_iters
    values = [_Values(row, found, shared) for row, found in zip(match, results, strict=True)]
    solved = [side.of("any", j) for side, j in zip(values, tried, strict=True)]
    return Pair(
        a=sides.sides[a.variant_id],
        b=sides.sides[b.variant_id],
        tasks=len(shared),
        unmoving=unmoving(a, b),
        contrasts=tuple(_contrasts(values[0], values[1])),
        won=tuple(task for task, x, y in zip(shared, *solved, strict=True) if x < y),
        lost=tuple(task for task, x, y in zip(shared, *solved, strict=True) if x > y),
    )


class _Values:
    """The values of one variant's tasks, 0..1, in the order of the tasks that are compared."""

    def __init__(
        self, row: VariantRow, results: dict[str, TaskResult], tasks: Sequence[str]
    ) -> None:
        self.n = row.variant.samples
        self.iterations = row.variant.debug_iters
        self._alike = set(results.values())
        self.short = row.variant.stops_early or any(found.samples < self.n for found in self._alike)
        """A task stopped drawing after a pass: a share of its draws is biased, the first is not."""
        self.chooses = any(found.chosen is not None for found in self._alike)
        self._results = [results[task] for task in tasks]

    def of(self, kind: Kind, iteration: int) -> list[float]:
        known = {found: self._value(found, kind, iteration) for found in self._alike}
        return [known[found] for found in self._results]

    def _value(self, found: TaskResult, kind: Kind, iteration: int) -> float:
        if kind == "handed in" and self.chooses:
            return float(found.chosen or False)
        if kind in ("solved@n", "any"):
            return float(found.passes(iteration) > 0)
        return float(found.first_passed) if self.short else found.passes(iteration) / found.samples


def _contrasts(a: _Values, b: _Values) -> Iterator[Contrast]:
    several = max(a.n, b.n) > 1
    yield _contrast(a, b, "pass@1", (0, 0))
    if several:
        yield _contrast(a, b, "solved@n", (0, 0))
    if a.chooses or b.chooses:
        yield _contrast(a, b, "handed in", (0, 0))
    reached = a.iterations, b.iterations
    steps = [(j, j) for j in range(1, min(reached) + 1)]
    if reached[0] != reached[1]:
        steps.append(reached)
    kinds: list[Kind] = ["any", "one"] if several and not (a.short or b.short) else ["any"]
    for kind in kinds:
        for step in steps:
            yield _contrast(a, b, kind, step)


def _contrast(a: _Values, b: _Values, kind: Kind, iterations: tuple[int, int]) -> Contrast:
    before, after = a.of(kind, iterations[0]), b.of(kind, iterations[1])
    found = difference(before, after)
    return Contrast(
        kind=kind,
        at={"solved@n": (a.n, b.n), "any": iterations, "one": iterations}.get(kind, (1, 1)),
        last=kind in ("any", "one") and iterations == (a.iterations, b.iterations),
        a=sum(before) / len(before),
        b=sum(after) / len(after),
        difference=found,
        p=found.p,
        detectable=_detectable(before, after, found),
    )


def _detectable(before: Sequence[float], after: Sequence[float], found: Difference) -> float | None:
    """From the spread of the differences that were seen.

    Where `difference` does not trust it, for there is hardly any, the sums of gains and of losses
    stand for tasks that are won or lost as a whole, whose spread is the largest with these sums.
    """
    if found.tasks < 2:
        return None
    pairs = Counter(zip(before, after, strict=True)).items()
    if found.method == "t":
        squares = sum(tasks * (y - x - found.value) ** 2 for (x, y), tasks in pairs)
        noise = Noise(squares / (found.tasks - 1), binary=False)
    else:
        noise = Noise(sum(tasks * abs(y - x) for (x, y), tasks in pairs) / found.tasks, binary=True)
    return minimum_detectable(noise, found.tasks)


def _adjusted(pairs: Sequence[Pair]) -> tuple[Pair, ...]:
    """The same pairs with p adjusted among the contrasts of one name."""
    named: defaultdict[object, list[tuple[int, int]]] = defaultdict(list)
    for i, pair in enumerate(pairs):
        for j, contrast in enumerate(pair.contrasts):
            exact = contrast.kind in ("any", "one") and not contrast.last
            named[contrast.kind, contrast.at if exact else contrast.last].append((i, j))
    found = [list(pair.contrasts) for pair in pairs]
    for places in named.values():
        ps = holm([found[i][j].difference.p for i, j in places])
        for (i, j), p in zip(places, ps, strict=True):
            found[i][j] = replace(found[i][j], p=p)
    return tuple(replace(pair, contrasts=tuple(c)) for pair, c in zip(pairs, found, strict=True))
