"""Stopping early: the order is drawn, looks use only what comes first in it, levels are spent."""

from dataclasses import replace

import pytest

from pytest_mcode.gate import early
from pytest_mcode.gate.matching import Pair
from pytest_mcode.gate.rule import Rule

RULE = Rule(early=True)


def judged(old, new, wanted=RULE, cells=1):
    """The judgement of the first of several equal cells."""
    return early.decide(wanted, [Pair(old, new)] * cells, "run r").judgements[0]


def keep(measurement, tasks):
    """The measurement when only these tasks are in."""
    return replace(measurement, tasks={t: measurement.tasks[t] for t in tasks})


def test_a_plain_drop_ends_at_the_first_look(measured):
    """164 tasks: after 32 of them everything is clear, and no more are used."""
    old, new = measured([5] * 164), measured([0] * 164)
    first = early.order(new)[:32]
    found = judged(old, keep(new, first))
    assert (found.status, found.tasks) == ("regression", 32)
    assert found.reason == "stopped after 32 of 164 tasks: the drop is significant"
    assert set(found.lost) == set(first)


def test_before_the_first_look_nothing_is_decided(measured):
    """31 tasks that all dropped are not looked at."""
    old, new = measured([5] * 164), measured([0] * 164)
    found = judged(old, keep(new, early.order(new)[:31]))
    assert (found.status, found.tasks) == ("inconclusive", 31)


def test_tasks_that_came_out_of_order_do_not_count(measured):
    """Quick tasks are easy tasks: without the first one in the order there is no look at all."""
    old, new = measured([5] * 164), measured([0] * 164)
    found = judged(old, keep(new, early.order(new)[1:]))
    assert (found.status, found.tasks) == ("inconclusive", 0)
    assert "INCOMPLETE" in found.reason


def test_a_decision_stays_what_it_was(measured):
    """Tasks that come in after the deciding look, for better or worse, do not change it."""
    old = measured([5] * 164)
    names = early.order(old)
    bad = {t: old.tasks[t]._replace(solved_by=(0,)) for t in names[:32]}
    new = replace(old, tasks={**old.tasks, **bad})
    found = judged(old, new)
    assert (found.status, found.tasks) == ("regression", 32)


def test_infra_is_never_green_here_either(measured):
    """A look that holds is inconclusive once the machinery has failed; a regression stays one."""
    same, dropped = measured([3] * 164), measured([0] * 164)
    assert judged(same, same).status == "held"
    assert judged(same, replace(same, infra=1)).status == "inconclusive"
    assert judged(same, replace(dropped, infra=1)).status == "regression"


def test_the_order_is_drawn_by_the_seed(measured):
    """Same on every machine, another with another seed, and not the order of the data."""
    one = measured([1] * 50)
    other = measured([1] * 50, parts={"sampling": {"temperature": 0.8, "seed": 1}})
    assert early.order(one)[:3] == ("T/39", "T/12", "T/5")
    assert early.order(one) != early.order(other)
    assert set(early.order(one)) == one.planned


@pytest.mark.parametrize("tasks", [1, 9, 10, 30, 164, 500])
def test_levels_are_spent_and_never_exceed_alpha(tasks):
    """Looks rise and end at all tasks, each at a level of its own below alpha."""
    counts = [count for count, _ in early.looks(tasks, 0.05)]
    levels = [level for _, level in early.looks(tasks, 0.05)]
    assert counts == sorted(set(counts))
    assert counts[-1] == tasks
    assert min(counts) >= min(10, tasks)
    assert all(0 < level <= 0.0500001 for level in levels)
    assert len(levels) == 1 or max(levels) < 0.05


def test_alarms_are_divided_among_cells(measured):
    """What is an alarm of one cell is none among twenty."""
    old = measured([1] * 164, n=1)
    new = measured([1] * 156 + [0] * 8, n=1)  # exact p = 1/256
    strict = Rule(early=True, max_drop=0.001)
    assert judged(old, new, strict).status == "regression"
    assert judged(old, new, strict, cells=20).status == "inconclusive"


def test_the_watch_says_when_a_look_is_due(measured):
    """Only when the tasks in order reach the count of a look; out of order they wait."""
    planned = measured([1] * 50)
    watch = early.Watch([planned])
    names = early.order(planned)
    assert [i for i, t in enumerate(names[:30], 1) if watch.add("b/m", t)] == [10, 15, 20, 25, 30]
    late = [watch.add("b/m", t) for t in names[31:]]
    assert not any(late)
    assert watch.add("b/m", names[30])
