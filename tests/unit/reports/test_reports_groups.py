"""Tasks whose tests come in groups: each group's rate stands beside that of all."""

import csv
from dataclasses import replace

import pytest

from pytest_mcode.core.records import Answer, Attempt, Outcome, Variant, Verdict
from pytest_mcode.reports import tables
from pytest_mcode.reports.summary import summarize
from pytest_mcode.reports.text import lines
from pytest_mcode.store.database import PlannedItem
from pytest_mcode.store.queries import ALL

BOTH, BASE, NONE = (
    {"base": True, "plus": True},
    {"base": True, "plus": False},
    {"base": False, "plus": True},
)


def measure(store, cell):
    """Two draws of four tasks, and a repair."""
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


def test_the_rate_of_the_first_group_stands_beside_that_of_all(store):
    """Two draws of four tasks: `plus` counts only where `base` held too; a program that died in
    the first group, and an answer without code, held in none."""
    measure(store, Variant("humaneval+", "m", samples=2, debug_iters=1))
    found = summarize(store)
    (stored,) = store.rows("SELECT groups FROM attempts WHERE task_id = 't/0' AND sample = 1")
    rates = found.variants[0].rates
    ((group, at),) = rates.groups
    assert group == "base"
    assert dict(at)[1].value == pytest.approx((2 / 2 + 1 / 2 + 0 + 1 / 2) / 4)
    assert dict(rates.pass_at)[1].value == pytest.approx((1 / 2 + 0 + 0 + 1 / 2) / 4)
    assert any(line.split()[:3] == ["pass@1", "base", "50.00"] for line in lines(found))
    assert stored == ('{"base": true, "plus": false}',)


@pytest.mark.parametrize(
    ("bench", "expected"),
    [
        ("humaneval+:mini", [(1, 1), (1, 0), (1, 0), (0, 1), (0, 0), (0, 0), (0, 0), (1, 1)]),
        ("mine", [(None, None)] * 8),
    ],
)
def test_groups_have_columns_of_their_own(store, tmp_path, bench, expected):
    """For SQL and in CSV: a group that was not reached was not passed; other benchmarks than
    EvalPlus's have none."""
    measure(store, Variant(bench, "m", samples=2, debug_iters=1))
    draws = "WHERE iteration = 0 ORDER BY task_id, sample"
    sql = f"SELECT base_passed, plus_passed FROM attempts_readable {draws}"
    assert store.rows(sql) == expected
    tables.write(store, ALL, (), tmp_path)
    with (tmp_path / "attempts.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["iteration"] == "0"]
    words = [("" if a is None else str(a), "" if b is None else str(b)) for a, b in expected]
    assert [(row["base_passed"], row["plus_passed"]) for row in rows] == words
