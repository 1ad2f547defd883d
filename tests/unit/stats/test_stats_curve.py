"""Coverage curves: gains, the knee, and extrapolation judged by real draws that it did not see."""

import json
import math
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_mcode.stats.curve import coverage, draws, gains, knee, ladder
from pytest_mcode.stats.extrapolation import BetaBinomial, PowerLaw, extrapolate, fit

results = st.integers(2, 40).flatmap(
    lambda n: st.lists(st.integers(0, n), min_size=1, max_size=40).map(
        lambda cs: Counter((n, c) for c in cs)
    )
)


@pytest.fixture
def codegen(data):
    """CodeGen-16B on HumanEval: 100 real verdicts for each of 164 tasks."""
    path = data / "completions/codegen16b_humaneval_n100/measured_pass_bits.jsonl"
    return [json.loads(line)["passed"] for line in path.read_text().splitlines()]


@settings(deadline=None, max_examples=60)
@given(results)
def test_gains_add_up_to_the_curve(counts):
    """pass@1 plus all gains is pass@n, and no gain is negative."""
    n, points, found = draws(counts), coverage(counts), gains(counts)
    assert [p.k for p in points] == list(ladder(n))
    rise = sum(gain.gain.value for gain in found)
    assert points[0].value + rise == pytest.approx(points[-1].value, abs=1e-9)
    assert all(0 <= g.low <= g.value + 1e-9 and g.value <= g.high + 1e-9 for g in found)
    assert not any(point.extrapolated for point in points)


def test_the_ladder_doubles_and_ends_at_n():
    """1, 2, 4, ... and n itself."""
    assert ladder(1) == (1,)
    assert ladder(8) == (1, 2, 4, 8)
    assert ladder(50) == (1, 2, 4, 8, 16, 32, 50)


def test_a_step_of_another_size_is_a_gain_per_doubling():
    """From 5 to 20 draws are two doublings; the paired difference itself stays beside it."""
    (gain,) = gains(Counter({(20, 3): 60, (20, 1): 40, (20, 0): 64}), (5, 20))
    assert gain.gain.value == pytest.approx(2 * gain.value)
    assert (gain.k, gain.to, gain.gain.tasks) == (5, 20, 164)


def test_the_knee_of_a_curve_that_flattens():
    """Tasks solved half the time or never: doubling from 8 on brings less than a point."""
    counts = Counter({(64, 32): 500, (64, 0): 500})
    found = knee(gains(counts))
    assert found.likely == 8
    assert found.proved == 8
    assert found.tried == 64


def test_a_knee_is_not_claimed_from_few_tasks():
    """Ten tasks that are always solved gain nothing, yet prove nothing about other tasks."""
    found = knee(gains(Counter({(16, 16): 10})))
    assert (found.likely, found.proved) == (1, None)


def test_real_draws_have_no_knee_by_100(codegen):
    """CodeGen-16B gains 4.68 points in the last doubling: a point is not reached by 100 draws."""
    found = gains(Counter((100, bits.count("1")) for bits in codegen))
    assert 100 * found[0].value == pytest.approx(8.68, abs=0.005)
    assert 100 * found[-1].value == pytest.approx(4.68, abs=0.005)
    assert knee(found).likely is None
    assert knee(found, 0.05).likely == 64


def test_the_beta_binomial_is_recovered_from_its_own_draws():
    """20,000 tasks with Beta(0.4, 1.1): both parameters within 5 %, pass@k that of the formula."""
    dice = random.Random(6)
    chances = [dice.betavariate(0.4, 1.1) for _ in range(20_000)]
    counts = Counter((10, sum(dice.random() < p for _ in range(10))) for p in chances)
    found = fit(counts).beta_binomial
    assert (found.alpha, found.beta) == pytest.approx((0.4, 1.1), rel=0.05)
    truth = sum(1 - (1 - p) ** 200 for p in chances) / len(chances)
    assert found.at(200) == pytest.approx(truth, abs=0.01)


def test_the_models_say_what_their_formulas_say():
    """Known values: exp(-1.5) at one draw, towards 1 for many; a uniform chance gives k/(k+1)."""
    assert PowerLaw(1.5, 0.3).at(1) == pytest.approx(math.exp(-1.5))
    assert PowerLaw(1.5, 0.3).at(10**9) == pytest.approx(1, abs=0.005)
    assert BetaBinomial(1, 1).at(9) == pytest.approx(0.9)


def test_the_power_law_is_the_regression_and_fits_real_draws(codegen):
    """numpy.polyfit on the same logs gives the same law; it lies within a point of all pass@k."""
    import numpy as np

    counts = Counter((100, bits.count("1")) for bits in codegen)
    law, points = fit(counts).power_law, coverage(counts)
    logs = [math.log(-math.log(point.value)) for point in points]
    slope, level = np.polyfit([math.log(point.k) for point in points], logs, 1)
    assert (law.a, law.b) == pytest.approx((math.exp(level), -slope))
    assert all(abs(law.at(point.k) - point.value) < 0.01 for point in points)


@pytest.mark.parametrize(("n", "error"), [(10, 0.04), (20, 0.03)])
def test_real_extrapolation_to_100_draws(codegen, n, error):
    """From n of the real draws the interval at 100 holds the truth, 73.78, in 95 % of 40 trials.

    The root mean square error of the value is under 4 points from 10 draws and under 3 from 20;
    the guess is flagged, what was drawn is not.
    """
    dice, hits, squares = random.Random(9), 0, 0.0
    for _ in range(40):
        counts = Counter((n, "".join(dice.sample(bits, n)).count("1")) for bits in codegen)
        known, guess = extrapolate(counts, (n, 100), rounds=60)
        assert (known.extrapolated, guess.extrapolated) == (False, True)
        hits += guess.low <= 0.7378 <= guess.high
        squares += (guess.value - 0.7378) ** 2
    print(f"n={n}: held {hits} of 40, root mean square error {100 * (squares / 40) ** 0.5:.2f}")
    assert hits >= 38
    assert (squares / 40) ** 0.5 < error


@pytest.mark.parametrize(
    "counts", [{(3, 1): 50}, {(20, 0): 164}, {(20, 20): 164}, {(20, 5): 9, (2, 1): 1}]
)
def test_no_fit_without_something_to_fit(counts):
    """Under four draws of any task, all failed, or all passed: no curve is invented."""
    assert fit(counts) is None
    assert extrapolate(counts, (100,)) == ()


def test_no_tasks_is_an_error():
    """A curve over nothing is refused."""
    with pytest.raises(ValueError, match="no tasks"):
        coverage({})
