"""All rates of a variant under the names that are never mixed, for whoever lists them."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_mcode.reports.layout import FEEDBACK
from pytest_mcode.reports.summary import VariantSummary
from pytest_mcode.stats.estimate import Estimate


def named_rates(variant: VariantSummary) -> Iterator[tuple[str, Estimate]]:
    """(name, rate): pass@k, those of groups of tests, maj@k, solved@n, solved by iteration j; none
    where nothing is measured."""
    cell, rates = variant.row.variant, variant.rates
    if rates is None:
        return
    for k, rate in rates.pass_at:
        yield f"pass@{k}", rate
    for group, pass_at in rates.groups:
        for k, rate in pass_at:
            yield f"pass@{k} {group}", rate
    yield from variant.choices.rates
    yield f"solved@{cell.samples}", rates.solved_at_n
    if cell.debug_iters:
        shown = FEEDBACK.get(cell.feedback, cell.feedback)
        for j, rate in enumerate(rates.any_by_iteration):
            yield f"solved by iteration {j}, any of {cell.samples} ({shown})", rate
        for j, rate in enumerate(rates.one_by_iteration if cell.samples > 1 else ()):
            yield f"solved by iteration {j}, one sample ({shown})", rate
