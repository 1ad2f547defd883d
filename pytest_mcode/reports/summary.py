"""What the store says of variants and runs, in frozen records. Numbers only, no layout.

Names are those of DESIGN 3 and never mixed: pass@k comes from draws alone (iteration 0, no
feedback) and only where every measured task has all its draws; solved@n is "any of n draws passed";
solved by iteration j counts repairs.

Denominator: rates are over the tasks measured without infra error. Before the run is complete such
a rate is of another, perhaps easier, set of tasks than was planned; whoever shows it must show
`counts` on the same line.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path

from pytest_mcode.reports.choices import Choices, allowed, choices
from pytest_mcode.reports.cost import Price, Spending, spendings
from pytest_mcode.reports.selection import benchmark_tasks, names, select
from pytest_mcode.stats.estimate import Estimate, estimate
from pytest_mcode.stats.pass_at_k import any_tally, pass_at_k_tally, share_tally, standard_ks
from pytest_mcode.store import gates, queries
from pytest_mcode.store.cut import Cut, cut
from pytest_mcode.store.queries import (
    Filters,
    ItemTally,
    RunRow,
    Totals,
    VariantRow,
    VerdictCount,
)
from pytest_mcode.store.reader import Reader


@dataclass(frozen=True)
class Rates:
    """The rates of one variant, over its measured tasks."""

    pass_at: tuple[tuple[int, Estimate], ...]
    """(k, pass@k) for the customary k's up to n; only k = 1 when draws are missing, or where the
    strategy chooses among them."""
    solved_at_n: Estimate
    """Any of the n draws passed."""
    any_by_iteration: tuple[Estimate, ...]
    """Element j: any of the n samples was solved by iteration j; element 0 is solved@n."""
    one_by_iteration: tuple[Estimate, ...]
    """Element j: mean over a task's samples solved by iteration j; empty when draws are missing."""
    short: int
    """Measured tasks with fewer draws than planned (early stop)."""
    groups: tuple[tuple[str, tuple[tuple[int, Estimate], ...]], ...] = ()
    """pass@k of the tests up to each group but the last, whose rate is `pass_at` itself; empty
    when draws are missing."""


@dataclass(frozen=True)
class VariantSummary:
    """One variant in one run."""

    row: VariantRow
    rates: Rates | None
    """None before the first task is measured."""
    verdicts: tuple[VerdictCount, ...]
    totals: Totals
    flaky: tuple[str, ...] = ()
    """Tasks of which the same program ended differently when it was verified again."""
    spending: Spending = field(default_factory=Spending)
    choices: Choices = field(default_factory=Choices)
    """maj@k, the rate of what a strategy handed in, a judge's agreement with the tests."""
    of: int = 0
    """Tasks of the benchmark, however many were planned; 0 where that is not known."""
    cut: Cut = field(default_factory=Cut)
    """Answers that ended at the limit of tokens, and prompts that did not fit."""

    @property
    def subset(self) -> str:
        """`12 of 164`: how few of the benchmark's tasks were planned; empty where it is all."""
        planned = self.row.counts.planned
        return f"{planned:,} of {self.of:,}" if planned < self.of else ""


@dataclass(frozen=True)
class RunSummary:
    """One run."""

    row: RunRow
    elapsed_s: float
    """From its start to its end, or to its newest item while it is going; without pauses."""
    attempts: int
    """Of the shown variants; draws that cells of the grid share are counted once."""
    completion_tokens: int
    infra: tuple[tuple[str, int], ...]
    """Messages and how many items each hit."""
    stopped: str = ""
    """Where the gate ended it, `after 24 of 120 tasks (regression)`; empty where it did not."""


@dataclass(frozen=True)
class Summary:
    """What a report shows."""

    database: Path
    variants: tuple[VariantSummary, ...]
    runs: tuple[RunSummary, ...]
    """Those that the variants belong to, newest first."""
    older: int = 0
    """Other measurements of the same variants that are not shown."""

    @cached_property
    def names(self) -> dict[int, str]:
        """Variant id -> benchmark and label, and what else tells two of the variants apart."""
        rows = [variant.row for variant in self.variants]
        called = names(rows)
        return {r.variant_id: f"{r.variant.benchmark} {called[r.variant_id]}" for r in rows}


def summarize(
    reader: Reader, filters: Filters = queries.ALL, prices: Sequence[Price] = ()
) -> Summary:
    """Summarize the newest measurement of each variant, or all of the runs in `filters.run`."""
    with reader.snapshot():
        rows, older = select(reader, filters)
        ids = [row.variant_id for row in rows]
        tallies = queries.tallies(reader, ids)
        verdicts, totals = queries.verdicts(reader, ids), queries.totals(reader, ids)
        flaky = queries.flaky(reader, [key for key, sums in totals.items() if sums.flaky])
        spent = spendings(reader, rows, prices)
        chosen = choices(reader, rows)
        sizes, short = reader.sizes(), cut(reader, ids)
        wanted = {row.run_id for row in rows}
        runs = [run for run in queries.runs(reader) if run.run_id in wanted]
        infra = queries.infra(reader, [run.run_id for run in runs])
        gated = {row.run_id: row.stopped for row in reversed(gates.decisions(reader, [*wanted]))}
    variants = tuple(
        VariantSummary(
            row,
            rates(row, tallies.get(row.variant_id, ())),
            verdicts.get(row.variant_id, ()),
            totals.get(row.variant_id, Totals()),
            flaky.get(row.variant_id, ()),
            spent[row.variant_id],
            chosen[row.variant_id],
            benchmark_tasks(row, sizes),
            short.get(row.variant_id, Cut()),
        )
        for row in rows
    )
    summaries = tuple(
        RunSummary(
            run,
            elapsed(run),
            *_drawn(run.run_id, variants),
            infra.get(run.run_id, ()),
            gated.get(run.run_id, ""),
        )
        for run in runs
    )
    return Summary(reader.path, variants, summaries, older)


def rates(row: VariantRow, tallies: Sequence[ItemTally]) -> Rates | None:
    """All rates of one variant; None when nothing is measured."""
    if not tallies:
        return None
    n, iterations = row.variant.samples, range(row.variant.debug_iters + 1)
    short = sum(t.items for t in tallies if t.samples < n)
    partly = bool(short) or row.variant.stops_early
    counts = [passes(tallies, j) for j in iterations]
    if partly:
        first: Counter[float] = Counter()
        for t in tallies:
            first[float(t.first_passed)] += t.items
        pass_at: tuple[tuple[int, Estimate], ...] = ((1, estimate(first)),)
    else:
        ks = standard_ks(n) if "pass@k" in allowed(row) else (1,)
        pass_at = tuple((k, estimate(pass_at_k_tally(counts[0], k))) for k in ks)
    any_by = tuple(estimate(any_tally(c)) for c in counts)
    one_by = () if partly else tuple(estimate(share_tally(c)) for c in counts)
    groups = () if partly else _group_rates(tallies, tuple(k for k, _ in pass_at))
    return Rates(pass_at, any_by[0], any_by, one_by, short, groups)


def _group_rates(
    tallies: Sequence[ItemTally], ks: Sequence[int]
) -> tuple[tuple[str, tuple[tuple[int, Estimate], ...]], ...]:
    names = max((tuple(name for name, _ in t.group_draws) for t in tallies), key=len)
    found = []
    for name in names[:-1]:
        counts: Counter[tuple[int, int]] = Counter()
        for tally in tallies:
            counts[tally.samples, dict(tally.group_draws).get(name, 0)] += tally.items
        at = tuple((k, estimate(pass_at_k_tally(counts, k))) for k in ks)
        found.append((name, at))
    return tuple(found)


def passes(tallies: Sequence[ItemTally], iteration: int) -> Counter[tuple[int, int]]:
    """(samples, samples solved by the iteration) -> tasks."""
    counts: Counter[tuple[int, int]] = Counter()
    for tally in tallies:
        counts[tally.samples, solved_by(tally, iteration)] += tally.items
    return counts


def solved_by(tally: ItemTally, iteration: int) -> int:
    """Samples solved by an iteration, also beyond the last one that was needed."""
    reached = tally.solved_by
    return reached[min(iteration, len(reached) - 1)] if reached else 0


def elapsed(run: RunRow) -> float:
    """Seconds from start to end, or to the newest item of a run that did not end."""
    end = run.finished or run.last or run.started
    seconds = (datetime.fromisoformat(end) - datetime.fromisoformat(run.started)).total_seconds()
    return max(0.0, seconds - run.paused_s)


def _drawn(run_id: str, variants: Sequence[VariantSummary]) -> tuple[int, int]:
    """Attempts and completion tokens that a run has drawn, shared draws once.

    In a full grid the cell with the most samples and iterations holds the draws of its siblings, so
    the largest cell of each benchmark, model and sampling is their union (a lower bound while
    incomplete).
    """
    cells: defaultdict[tuple[str, str, str], list[tuple[int, int]]] = defaultdict(list)
    for v in variants:
        if v.row.run_id == run_id:
            cell = v.row.variant.benchmark, v.row.variant.model, v.row.variant.options
            cells[cell].append((v.totals.drawn, v.totals.completion_tokens))
    largest = [max(siblings) for siblings in cells.values()]
    return sum(a for a, _ in largest), sum(t for _, t in largest)
