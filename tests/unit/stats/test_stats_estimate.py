"""Intervals: known answers, edges, and how often they cover the truth."""

import math
import random
import statistics
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_mcode.stats.estimate import Z95, estimate, mean_and_error, wilson

values = st.lists(st.sampled_from([i / 20 for i in range(21)]), min_size=1, max_size=300)


def test_z95_is_the_normal_quantile():
    """The written constant is the 97.5 % quantile of the standard library."""
    assert pytest.approx(statistics.NormalDist().inv_cdf(0.975), abs=1e-12) == Z95


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_known_answers(successes, trials, low, high):
    """The four examples of Newcombe 1998 (Statistics in Medicine 17:857), method 3."""
    assert wilson(successes, trials) == (
        pytest.approx(low, abs=5e-5),
        pytest.approx(high, abs=5e-5),
    )


def test_the_error_is_the_standard_error_of_task_means():
    """The tally form equals statistics.stdev / sqrt(T) on the written-out list."""
    data = [0.0, 0.2, 0.2, 0.9, 1.0, 0.5]
    mean, error = mean_and_error(Counter(data))
    assert mean == pytest.approx(statistics.fmean(data))
    assert error == pytest.approx(statistics.stdev(data) / math.sqrt(len(data)))


@settings(deadline=None)
@given(values)
def test_the_interval_holds_the_mean_and_stays_within_0_and_1(data):
    """0 <= low <= value <= high <= 1, and value is the plain mean of the tasks."""
    found = estimate(Counter(data))
    assert found.value == pytest.approx(statistics.fmean(data), abs=1e-12)
    assert 0.0 <= found.low <= found.value + 1e-12
    assert found.value - 1e-12 <= found.high <= 1.0
    assert found.tasks == len(data)


@settings(deadline=None)
@given(st.integers(1, 5000))
def test_all_failed_or_all_passed_is_not_certainty(tasks):
    """At 0 % and 100 % the interval still has width, and the one mirrors the other."""
    none, all_ = estimate({0.0: tasks}), estimate({1.0: tasks})
    assert none.low == 0.0 < none.high
    assert all_.high == 1.0 > all_.low
    assert none.high == pytest.approx(1 - all_.low)


def test_fractions_near_the_edge_fall_back_to_wilson():
    """Nine perfect tasks and one at 95 % do not claim an interval of one point."""
    found = estimate({1.0: 9, 0.95: 1})
    assert found.method == "wilson"
    assert found.high - found.low > 0.2


def test_more_samples_per_task_do_not_shrink_the_interval_below_the_tasks():
    """A hundred tasks that are each all-or-nothing give the same width for 1 and 100 samples."""
    few, many = estimate({0.0: 50, 1.0: 50}), estimate({0.01: 50, 0.99: 50})
    assert many.method == "clustered"
    assert many.high - many.low == pytest.approx(few.high - few.low, rel=0.05)


def test_no_tasks_is_an_error():
    """A rate over nothing is refused."""
    with pytest.raises(ValueError, match="no tasks"):
        estimate({})
    with pytest.raises(ValueError, match="trials"):
        wilson(0, 0)


@pytest.mark.parametrize(
    ("tasks", "samples", "alpha", "beta"),
    [
        (10, 20, 0.5, 0.5),
        (10, 20, 0.1, 2.0),
        (164, 1, 0.3, 0.7),
        (164, 10, 0.2, 0.8),
        (50, 5, 5.0, 0.3),
    ],
)
def test_simulated_coverage(tasks, samples, alpha, beta):
    """Of 2,000 simulated benchmarks at least 92 % of the intervals hold the true rate."""
    dice = random.Random(7)
    truth = alpha / (alpha + beta)
    hits = 0
    for _ in range(2000):
        tally: Counter[float] = Counter()
        for _ in range(tasks):
            p = dice.betavariate(alpha, beta)
            tally[sum(dice.random() < p for _ in range(samples)) / samples] += 1
        found = estimate(tally)
        hits += found.low <= truth <= found.high
    print(f"T={tasks} n={samples} Beta({alpha},{beta}): coverage {hits / 20:.1f} %")
    assert hits >= 1840


def test_stats_import_nothing_heavy():
    """The room costs no numpy or scipy import."""
    code = (
        "import sys, pytest_mcode.stats.estimate, pytest_mcode.stats.pass_at_k;"
        "print({'numpy','scipy'} & set(sys.modules))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"
