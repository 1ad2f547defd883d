"""The bootstrap over tasks: it agrees with the formula where there is one."""

import random
from collections import Counter

import pytest

from pytest_mcode.stats.bootstrap import mean_interval, percentiles, redrawn
from pytest_mcode.stats.estimate import estimate


def test_a_mean_gets_the_clustered_interval():
    """On 164 tasks with 20 samples each both intervals agree within half a point."""
    dice = random.Random(1)
    tally = Counter(
        sum(dice.random() < p for _ in range(20)) / 20
        for p in (dice.betavariate(0.5, 0.8) for _ in range(164))
    )
    found, formula = mean_interval(tally), estimate(tally)
    assert found == pytest.approx((formula.low, formula.high), abs=0.006)


def test_groups_are_drawn_like_single_tasks():
    """Every redraw has all tasks; a group's count has the binomial's mean and variance."""
    counts = redrawn([30, 70], rounds=4000)
    assert (counts.sum(axis=1) == 100).all()
    assert counts[:, 0].mean() == pytest.approx(30, abs=0.4)
    assert counts[:, 0].var() == pytest.approx(21, rel=0.1)


def test_the_seed_repeats_it():
    """The same seed gives the same redraws, another one others."""
    assert (redrawn([5, 5], 20) == redrawn([5, 5], 20)).all()
    assert (redrawn([5, 5], 20) != redrawn([5, 5], 20, seed=1)).any()


def test_percentiles_are_the_middle():
    """The 90 % interval of 0..100 is 5..95."""
    assert percentiles([float(i) for i in range(101)], 0.9) == pytest.approx((5, 95))


def test_simulated_coverage():
    """Of 500 simulated benchmarks at least 91 % of the intervals hold the true rate."""
    dice, hits = random.Random(4), 0
    for _ in range(500):
        tally = Counter(dice.choice([0.0, 0.2, 0.7, 1.0]) for _ in range(60))
        low, high = mean_interval(tally, rounds=600)
        hits += low <= 0.475 <= high
    print(f"coverage {hits / 5:.1f} %")
    assert hits >= 455


def test_no_tasks_is_an_error():
    """There is nothing to redraw."""
    with pytest.raises(ValueError, match="no tasks"):
        redrawn([])
