"""The cost of a success and its interval."""

import math
import random

import pytest

from pytest_mcode.stats.ratio import ratio


def test_where_every_task_is_solved_it_is_the_mean_with_its_normal_interval():
    """Costs 1, 2, 3, 6: mean 3, standard error sqrt(14 / 12)."""
    found = ratio([1, 2, 3, 6], [1, 1, 1, 1], z=2)
    half = 2 * math.sqrt(14 / 12)
    assert (found.value, found.tasks) == (3, 4)
    assert (found.low, found.high) == pytest.approx((3 - half, 3 + half))


def test_the_ends_of_the_interval_solve_fiellers_equation():
    """At both ends the cost, less the ratio times the successes, is z standard errors from zero."""
    spent, gained = [1.0, 2, 4, 3, 8, 5, 1, 2, 2, 3] * 4, [1.0, 1, 0, 1, 0, 0, 1, 1, 1, 0] * 4
    found = ratio(spent, gained)
    assert found.value == pytest.approx(sum(spent) / sum(gained))
    for end in (found.low, found.high):
        rest = [x - end * y for x, y in zip(spent, gained, strict=True)]
        mean = sum(rest) / 40
        error = math.sqrt(sum((r - mean) ** 2 for r in rest) / (40 * 39))
        assert abs(mean) / error == pytest.approx(1.959964, rel=1e-6)
    assert found.low < found.value < found.high


@pytest.mark.parametrize(("tasks", "share"), [(164, 0.6), (40, 0.3)])
def test_it_covers_the_true_ratio_in_95_of_100_repetitions(tasks, share):
    """Costly tasks are seldom solved; 2,000 repetitions of a run, the same on every machine."""
    drawn = random.Random(tasks)
    hits, mean_cost = 0, 3.0
    mean_gain = sum(min(1, 2 * share * (1 - i / 1e4)) for i in range(10_000)) / 1e4
    for _ in range(2000):
        hard = [drawn.random() for _ in range(tasks)]
        spent = [1 + 4 * h for h in hard]
        gained = [float(drawn.random() < 2 * share * (1 - h)) for h in hard]
        found = ratio(spent, gained)
        hits += found.low <= mean_cost / mean_gain <= found.high
    assert 0.93 <= hits / 2000 <= 0.97


def test_few_successes_have_no_upper_end():
    """One task of twenty solved: the true ratio may be ten times as large."""
    found = ratio([1.0] * 20, [1.0] + [0.0] * 19)
    assert (found.value, found.high) == (20, math.inf)
    assert 0 < found.low < 20


def test_one_task_bounds_nothing_and_no_success_has_no_ratio():
    """There is no spread in one, and nothing to divide by in none."""
    one = ratio([2.0], [1.0])
    assert (one.low, one.high) == (0, math.inf)
    assert ratio([1.0, 2.0], [0.0, 0.0]) is None
    assert ratio([], []) is None
    with pytest.raises(ValueError, match="shorter"):
        ratio([1.0], [])
