"""Two groups of different tasks."""

from __future__ import annotations

import random

import pytest

from pytest_mcode.stats.unpaired import FEWEST, tasks_for, welch


def test_welch_is_that_of_scipy():
    """Value, interval and p of `scipy.stats.ttest_ind(equal_var=False)`."""
    from scipy.stats import ttest_ind

    draw = random.Random(1)
    a = [draw.gauss(0.1, 0.2) for _ in range(25)]
    b = [draw.gauss(0.3, 0.5) for _ in range(12)]
    found, known = welch(a, b), ttest_ind(b, a, equal_var=False)
    low, high = known.confidence_interval()
    assert found is not None
    assert (found.low, found.high, found.p) == pytest.approx((low, high, known.pvalue))
    assert found.value == pytest.approx(sum(b) / len(b) - sum(a) / len(a))


def test_nothing_is_said_of_few_tasks_or_of_gains_that_do_not_vary():
    """Nine tasks, or twenty that all gained the same."""
    varied = [0.0, 1.0] * FEWEST
    assert welch(varied[: FEWEST - 1], varied) is None
    assert welch(varied, varied[: FEWEST - 1]) is None
    assert welch([0.5] * 20, [0.0] * 20) is None
    assert welch(varied, [0.0] * 20) is not None


def test_false_alarms_keep_to_the_level():
    """Groups of 10 and 40 tasks whose gains are shares of five samples: 5 % of 1,000, at most
    7.4 % (three and a half standard errors)."""
    draw, alarms = random.Random(7), 0

    def gains(tasks, spread):
        return [sum(draw.random() < spread for _ in range(5)) / 5 for _ in range(tasks)]

    for _ in range(1000):
        found = welch(gains(10, 0.3), gains(40, 0.3))
        alarms += found is not None and found.p < 0.05
    assert 20 < alarms < 74


def test_tasks_shrink_an_interval_by_their_square_root():
    """Half the width takes four times the tasks; no number of tasks makes it nothing."""
    assert tasks_for(100, 0.10, 0.05) == 400
    assert tasks_for(100, 0.05, 0.05) == 100
    assert tasks_for(100, 0.05, 0.0) is None
    assert tasks_for(100, 0.05, -0.01) is None
