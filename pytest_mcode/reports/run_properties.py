"""Flat properties of a whole run, for JUnit XML and JSON reports."""

from __future__ import annotations

from pytest_mcode.reports.properties import Scalar
from pytest_mcode.reports.rate_names import named_rates
from pytest_mcode.reports.summary import summarize
from pytest_mcode.store import gates
from pytest_mcode.store.queries import Filters
from pytest_mcode.store.reader import Reader


def run_properties(reader: Reader, run_id: str) -> dict[str, Scalar]:
    """Name -> scalar. Raises `StoreError`.

    `mcode_run`; `mcode_gate` where it has decided; and for each variant, with
    `VARIANT = mcode/BENCHMARK/LABEL`, `VARIANT/planned`, `/done`, `/infra` (items) and `/complete`,
    `/benchmark_tasks` where that is known, and per rate `VARIANT/pass@1`, its 95 % interval
    `VARIANT/pass@1/low` and `/high`, all 0..1. A rate of a run that is not complete is of the tasks
    done so far.
    """
    found: dict[str, Scalar] = {"mcode_run": run_id}
    for decision in reversed(gates.decisions(reader, [run_id])):
        found["mcode_gate"] = decision.status
    for variant in summarize(reader, Filters(run=(run_id,))).variants:
        counts = variant.row.counts
        name = f"mcode/{variant.row.variant.benchmark}/{variant.row.variant.label}"
        found[f"{name}/planned"] = counts.planned
        found[f"{name}/done"] = counts.done
        found[f"{name}/infra"] = counts.infra
        found[f"{name}/complete"] = counts.complete
        if variant.of:
            found[f"{name}/benchmark_tasks"] = variant.of
        for rate, value in named_rates(variant):
            found[f"{name}/{rate}"] = value.value
            found[f"{name}/{rate}/low"] = value.low
            found[f"{name}/{rate}/high"] = value.high
    return found
