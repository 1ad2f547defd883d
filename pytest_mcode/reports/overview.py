"""Short tables: one line per variant, one line per run."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_mcode.reports.layout import brief, mark
from pytest_mcode.reports.summary import Summary
from pytest_mcode.store.queries import RunRow

CELL = 19
"""Columns of one rate with its interval."""


def overview(summary: Summary, width: int = 80) -> list[str]:
    """One line per variant: pass@1, and any sample solved by the last iteration."""
    names = [summary.names[v.row.variant_id] for v in summary.variants]
    column = min(max(len(name) for name in names), width - 2 * CELL - 14)
    found = [f"{'':{column}}  {'pass@1 %':<{CELL}}  {'solved, any sample':<{CELL}}  tasks"]
    for name, variant in zip(names, summary.variants, strict=True):
        counts, rates = variant.row.counts, variant.rates
        state = mark(counts) or variant.subset or f"{counts.done}"
        if rates is None:
            cells = state
        else:
            cells = f"{brief(rates.pass_at[0][1])}  {brief(rates.any_by_iteration[-1])}  {state}"
        indent = column + 2 if column + 2 + len(cells) <= width else 4
        if indent > len(name) + 1:
            found.append(f"{name:{indent}}{cells}")
        else:
            found += [name, f"{'':{indent}}{cells}"]
    return found


def run_lines(runs: Sequence[RunRow], width: int = 80) -> list[str]:
    """One line per run: id, start, items done, infra errors, and what was measured."""
    if not runs:
        return ["no runs"]
    column = max(len("run"), *(len(run.run_id) for run in runs))
    found = [f"{'run':{column}}  {'started (UTC)':16}  {'done/planned':>13}  {'infra':>5}"]
    for run in runs:
        share = f"{run.counts.done}/{run.counts.planned}"
        started = run.started[:16].replace("T", " ")
        row = f"{run.run_id:{column}}  {started}  {share:>13}  {run.counts.infra:>5}"
        state = "" if run.counts.complete else "INCOMPLETE "
        end = f"{state}{run.subjects or 'ended before its tasks were planned'}"
        fits = len(row) + 2 + len(end) <= width
        found += [f"{row}  {end}"] if fits else [row, f"    {end}"]
    return found
