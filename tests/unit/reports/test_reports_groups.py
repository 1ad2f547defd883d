"""Tasks whose tests come in groups: each group's rate stands beside that of all."""

from dataclasses import replace

import pytest

from pytest_mcode.core.records import Answer, Attempt, Outcome, Variant, Verdict
from pytest_mcode.reports.summary import summarize
from pytest_mcode.reports.text import lines
from pytest_mcode.store.database import PlannedItem

BOTH, BASE, NONE = (
    {"base": True, "plus": True},
    {"base": True, "plus": False},
    {"base": False, "plus": True},
)


def test_the_rate_of_the_first_group_stands_beside_that_of_all(store):
    """Two draws of four tasks: `plus` counts only where `base` held too; a program that died in
    the first group, and an answer without code, held in none."""
    cell = Variant("humaneval+", "m", samples=2, debug_iters=1)
    tasks = [(BOTH, BASE), (BASE, NONE), ({"base": False}, {"base": False}), ({}, BOTH)]
    store.start_run("r", command="pytest", fingerprint_parts={}, version="0")
    items = [PlannedItem(f"n[{i}]", cell.label, f"t/{i}") for i in range(len(tasks))]
    store.plan("r", {cell.label: (cell, {})}, items)
    for item, draws in zip(items, tasks, strict=True):
        made = [
            Attempt(i, 0, Answer(""), "", Verdict("passed" if g == BOTH else "failed", groups=g))
            for i, g in enumerate(draws)
        ]
        repair = Attempt(0, 1, Answer(""), "", replace(made[0].verdict, groups=BOTH))
        outcome = Outcome(cell, item.task_id, (*made, repair))
        store.record("r", item.nodeid, outcome.to_json())
    store.finish_run("r")
    found = summarize(store)
    (stored,) = store.rows("SELECT groups FROM attempts WHERE task_id = 't/0' AND sample = 1")
    rates = found.variants[0].rates
    ((group, at),) = rates.groups
    assert group == "base"
    assert dict(at)[1].value == pytest.approx((2 / 2 + 1 / 2 + 0 + 1 / 2) / 4)
    assert dict(rates.pass_at)[1].value == pytest.approx((1 / 2 + 0 + 0 + 1 / 2) / 4)
    assert any(line.split()[:3] == ["pass@1", "base", "50.00"] for line in lines(found))
    assert stored == ('{"base": true, "plus": false}',)
