"""Rates of strategies that choose one of their samples; they never stand under another's name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pytest_mcode.reports.agreement import Agreement, agreement
from pytest_mcode.stats.estimate import Estimate, estimate
from pytest_mcode.stats.majority import majority_at_k
from pytest_mcode.stats.pass_at_k import standard_ks
from pytest_mcode.store import noted
from pytest_mcode.store.queries import VariantRow
from pytest_mcode.store.reader import Reader

ASSUMED = ("pass@k",)
"""What the draws of a strategy that declares nothing allow."""


@dataclass(frozen=True)
class Choices:
    """What one variant's strategy chose and noted."""

    rates: tuple[tuple[str, Estimate], ...] = ()
    """`maj@k` for the customary k's, or the rate of what the strategy handed in
    (`judge-selected`)."""
    handed_in: Estimate | None = None
    """Tasks whose chosen sample passed; None where the strategy chooses none."""
    agreement: Agreement | None = None
    without_public: int = 0
    """Measured tasks in which repairs had no public test to go by."""


def allowed(row: VariantRow) -> tuple[str, ...]:
    """Rates besides pass@1 and solved@n that a variant's strategy allows."""
    strategy = row.settings.get("strategy")
    found = strategy.get("reports") if isinstance(strategy, dict) else None
    return tuple(found) if found is not None else ASSUMED


def choices(reader: Reader, rows: Sequence[VariantRow]) -> dict[int, Choices]:
    """Per variant."""
    chosen = noted.chosen(reader, [row.variant_id for row in rows])
    return {row.variant_id: _of(reader, row, chosen.get(row.variant_id)) for row in rows}


def _of(reader: Reader, row: VariantRow, chosen: Counter[bool] | None) -> Choices:
    cell, names = row.variant, allowed(row)
    rates: tuple[tuple[str, Estimate], ...] = ()
    if "maj@k" in names:
        rates = tuple(maj_at_k(noted.votes(reader, row.variant_id).values(), cell.samples))
    passed = {float(solved): tasks for solved, tasks in (chosen or {}).items()}
    selected = estimate(passed) if passed else None
    if "chosen" in names and selected is not None:
        rates += ((f"{cell.strategy}-selected", selected),)
    judged = noted.opinions(reader, row.variant_id) if "agreement" in names else {}
    public = cell.feedback == "public"
    return Choices(
        rates,
        selected,
        agreement(judged) if judged else None,
        noted.without_public(reader, row.variant_id) if public else 0,
    )


def maj_at_k(tasks: Iterable[Sequence[tuple[str, bool]]], n: int) -> Iterable[tuple[str, Estimate]]:
    """maj@k of tasks with all n draws, as (vote, passed) each; none without such a task.

    For the customary k's and for n, at which it is the rate of what was handed in, ties apart.
    """
    whole = Counter(tuple(sorted(draws)) for draws in tasks if len(draws) == n)
    for k in sorted({*standard_ks(n), n}) if whole else ():
        values: Counter[float] = Counter()
        for draws, count in whole.items():
            values[_majority(draws, k)] += count
        yield f"maj@{k}", estimate(values)


def _majority(draws: Sequence[tuple[str, bool]], k: int) -> float:
    """Of a chosen group any member may be the one that is handed in: its share that passes."""
    sizes = Counter(vote for vote, _ in draws if vote)
    right = Counter(vote for vote, passed in draws if vote and passed)
    silent = len(draws) - sum(sizes.values())
    counts = list(sizes.values())
    return sum(
        right[vote] / size * majority_at_k(counts, [place], k, silent)
        for place, (vote, size) in enumerate(sizes.items())
        if right[vote]
    )
