"""Paired comparisons: known answers, what interval and p promise, and how often they are wrong."""

import itertools
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_mcode.stats.paired import difference, mcnemar, p_value, permutation
from pytest_mcode.stats.score import interval, score
from pytest_mcode.stats.sign_flip import sign_flip

bits = st.sampled_from([0.0, 1.0])
shares = st.integers(0, 10).map(lambda i: i / 10)


def pairs(values, most=60):
    """Tasks as (a, b)."""
    return st.lists(st.tuples(values, values), min_size=1, max_size=most)


def counted(won: int, lost: int, ties: int) -> tuple[list[float], list[float]]:
    """Binary values of a and b with these counts."""
    return [0.0] * won + [1.0] * (lost + ties), [1.0] * won + [0.0] * lost + [1.0] * ties


def binomial(n: int, p: float, dice: random.Random) -> int:
    return sum(dice.random() < p for _ in range(n))


def within(hits: int, trials: int, level: float) -> bool:
    """The share of hits is at most the level, but for three standard errors of the simulation."""
    return hits / trials <= level + 3 * math.sqrt(level * (1 - level) / trials)


def test_mcnemar_and_tango_on_bentur_2009():
    """Airway hyper-responsiveness before and after transplantation, 21 children, 1 against 7.

    Fagerland, Lydersen and Laake 2014 (Statistics in Medicine 33:2850): exact McNemar p = 0.0703,
    Tango's interval -0.517 to -0.026. The exact p does not exclude zero, so ours reaches it.
    """
    assert mcnemar(1, 7) == pytest.approx(0.0703, abs=5e-5)
    assert interval(1, 7, 21) == pytest.approx((-0.517, -0.026), abs=5e-4)
    found = difference(*counted(1, 7, 13))
    assert (found.p, found.won, found.lost, found.method) == (mcnemar(1, 7), 1, 7, "mcnemar")
    assert (found.low, found.high) == (pytest.approx(-0.517, abs=5e-4), 0.0)


def test_sign_flip_on_darwins_maize():
    """Fisher's own example: 863 of 32,768 sign patterns give at least the sum observed, 314."""
    eighths = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
    d = [x / 80 for x in eighths]
    assert sign_flip(d, "greater") == pytest.approx(863 / 32768, rel=1e-12)
    assert sign_flip(d) == pytest.approx(0.05267, abs=5e-6)


def test_t_is_that_of_scipy():
    """On 50 tasks with many values, p and interval are those of scipy.stats.ttest_rel."""
    from scipy.stats import ttest_rel

    dice = random.Random(5)
    a = [dice.random() for _ in range(50)]
    b = [min(1.0, x * dice.uniform(0.7, 1.6)) for x in a]
    theirs, ours = ttest_rel(b, a), difference(a, b)
    assert ours.method == "t"
    assert ours.p == pytest.approx(theirs.pvalue)
    expected = theirs.confidence_interval()
    assert (ours.low, ours.high) == pytest.approx((expected.low, expected.high))
    for alternative in ("less", "greater"):
        expected = ttest_rel(b, a, alternative=alternative).pvalue
        assert p_value(a, b, alternative) == pytest.approx(expected)


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_scipys_binomial_test(won, lost):
    """Every alternative equals scipy.stats.binomtest of the tasks that differ."""
    from scipy.stats import binomtest

    for alternative in ("two-sided", "less", "greater"):
        expected = binomtest(won, won + lost, 0.5, alternative).pvalue if won + lost else 1.0
        assert mcnemar(won, lost, alternative) == pytest.approx(expected)


@settings(deadline=None)
@given(pairs(bits))
def test_the_sign_flip_test_of_bits_is_mcnemars(tasks):
    """Two roads to the same exact p, for every alternative."""
    a, b = zip(*tasks, strict=True)
    found = difference(a, b)
    for alternative in ("two-sided", "less", "greater"):
        expected = mcnemar(found.won, found.lost, alternative)
        assert permutation(a, b, alternative) == pytest.approx(expected)
        assert p_value(a, b, alternative) == pytest.approx(expected)


@settings(deadline=None)
@given(st.lists(st.integers(-7, 7), min_size=1, max_size=9), st.sampled_from([3, 7, 10]))
def test_the_convolution_counts_all_sign_patterns(steps, parts):
    """The exact distribution equals enumeration of all 2^T flips."""
    d = [step / parts / 7 for step in steps]
    flips = [sum(map(math.prod, zip(d, signs, strict=True)))
             for signs in itertools.product((-1, 1), repeat=len(d))]  # fmt: skip
    above = sum(x >= sum(d) - 1e-9 for x in flips) / len(flips)
    below = sum(x <= sum(d) + 1e-9 for x in flips) / len(flips)
    assert sign_flip(d, "greater") == pytest.approx(above)
    assert sign_flip(d, "less") == pytest.approx(below)
    assert sign_flip(d) == pytest.approx(min(1, 2 * min(above, below)))


@pytest.mark.parametrize(("count", "error"), [(2, 1e-9), (12, 1e-9), (17, 0.006)])
def test_values_without_a_common_step_are_tried_or_sampled(count, error):
    """Irrational differences: few have the p of enumeration, that of more is near it, and the seed
    repeats it."""
    dice = random.Random(2)
    d = [math.sin(dice.random()) - 0.3 for _ in range(count)]
    flips = [sum(map(math.prod, zip(d, signs, strict=True)))
             for signs in itertools.product((-1, 1), repeat=len(d))]  # fmt: skip
    exact = sum(x >= sum(d) for x in flips) / len(flips)
    assert sign_flip(d, "greater") == pytest.approx(exact, abs=error)
    assert sign_flip(d, "greater", seed=4) == sign_flip(d, "greater", seed=4)


@settings(deadline=None, max_examples=200)
@given(st.one_of(pairs(bits), pairs(shares)), st.sampled_from([0, 5, 150]))
def test_what_every_difference_is(tasks, ties):
    """It holds its value, stays in -1..1, has width, agrees with p, and mirrors when swapped."""
    a, b = zip(*tasks, *[(1.0, 1.0)] * ties, strict=True)
    found, mirrored = difference(a, b), difference(b, a)
    assert found.value == pytest.approx(sum(b) / len(b) - sum(a) / len(a), abs=1e-9)
    assert -1 <= found.low <= found.value + 1e-9
    assert found.value - 1e-9 <= found.high <= 1
    assert found.high - found.low > 0.01
    assert 0 <= found.p <= 1
    assert (found.low > 0 or found.high < 0) == (found.p < 0.05)
    assert (mirrored.won, mirrored.lost) == (found.lost, found.won)
    assert (mirrored.low, mirrored.high) == pytest.approx((-found.high, -found.low), abs=1e-9)
    assert mirrored.p == pytest.approx(found.p)


def test_p_and_interval_agree_for_all_counts():
    """Zero is outside the 95 % interval exactly where McNemar's p is below 0.05, 164 tasks."""
    for won, lost in itertools.product(range(0, 60, 3), range(0, 60, 3)):
        low, high = interval(won, lost, 164)
        if (p := mcnemar(won, lost)) < 0.05:
            assert low > 0 or high < 0, (won, lost, p)


def test_few_small_gains_exclude_zero_but_not_by_much():
    """Nine tasks of 164 a tenth better: significant; the interval goes down to zero, without it."""
    a = [0.5] * 164
    found = difference(a, [0.6] * 9 + a[9:])
    assert found.p == pytest.approx(2 / 2**9)
    assert 0 < found.low < 1e-9


def test_an_end_at_zero_shows_on_which_side_it_lies():
    """-0.00 to +0.69 holds zero, +0.00 to +0.69 does not, and the other way round below zero."""
    held = difference([0] * 4 + [1] * 6, [1] * 10)  # Tango excludes zero, McNemar's test does not
    assert held.p > 0.05
    assert f"{held.low:+.2f}" == "-0.00"
    assert f"{difference([1] * 10, [0] * 4 + [1] * 6).high:+.2f}" == "+0.00"
    left = difference([0] * 8, [0.2] * 8)  # the sign flips exclude it, Tango's interval does not
    assert left.p < 0.05
    assert f"{left.low:+.2f}" == "+0.00"
    assert f"{difference([0.2] * 8, [0] * 8).high:+.2f}" == "-0.00"


@pytest.mark.parametrize("step", [0.0, 0.1, -0.5])
def test_equal_differences_are_no_certainty(step):
    """All 164 tasks moved alike: a naive t has no width; ours allows for tasks not seen."""
    a = [0.5] * 164
    found = difference(a, [x + step for x in a])
    assert found.method == "sign-flip"
    assert found.low < found.value - 0.02
    assert found.high > found.value + 0.02
    assert (found.p < 0.001) == bool(step)


def test_no_task_differs():
    """The interval is -+ z^2 / (T + z^2), and p is 1."""
    found = difference([1.0] * 164, [1.0] * 164)
    assert (found.value, found.p, found.won, found.lost) == (0, 1, 0, 0)
    assert found.high == pytest.approx(1.96**2 / (164 + 1.96**2), abs=1e-5)
    assert found.low == -found.high


@settings(deadline=None)
@given(
    st.integers(0, 30), st.integers(0, 30), st.integers(1, 60), st.sampled_from([0.01, 0.05, 0.1])
)
def test_bounds_and_the_non_inferiority_test_agree(won, lost, ties, margin):
    """The 95 % one-sided lower bound lies above -margin exactly where p is below 0.05."""
    a, b = counted(won, lost, ties)
    low = difference(a, b, level=0.9).low
    p = p_value(a, b, "greater", shift=-margin)
    assert (low > -margin) == (p < 0.05)


def test_non_inferiority_of_fractions():
    """Twenty samples a task, half a point worse: not worse by two points, though not better."""
    dice = random.Random(8)
    a = [binomial(20, 0.6, dice) / 20 for _ in range(164)]
    b = [min(1.0, max(0.0, x + dice.choice([-0.05, 0.0, 0.0, 0.04]))) for x in a]
    assert p_value(a, b, "greater", shift=-0.02) < 0.001
    assert p_value(a, b, "greater") > 0.05
    assert difference(a, b, level=0.9).low > -0.02


def test_the_score_is_mcnemars_z_at_zero():
    """(w - l) / sqrt(w + l), the textbook statistic without continuity correction."""
    assert score(30, 12, 100, 0.0) == pytest.approx(18 / math.sqrt(42))
    assert score(0, 0, 100, 0.0) == 0.0
    assert score(0, 0, 100, -1.0) == math.inf


@pytest.mark.parametrize("samples", [1, 5])
@pytest.mark.parametrize("tasks", [10, 50, 164])
def test_simulated_false_alarms(tasks, samples):
    """Two runs of the same model: p < 0.05 in at most 5 % of 2,000 draws, each side in 5 %."""
    dice = random.Random(11)
    alarms = {"two-sided": 0, "less": 0, "greater": 0}
    for _ in range(2000):
        chances = [dice.betavariate(0.5, 0.7) for _ in range(tasks)]
        a = [binomial(samples, p, dice) / samples for p in chances]
        b = [binomial(samples, p, dice) / samples for p in chances]
        for alternative in alarms:
            alarms[alternative] += p_value(a, b, alternative) <= 0.05
    print(f"T={tasks} n={samples}: {alarms} of 2000")
    assert all(within(hits, 2000, 0.05) for hits in alarms.values())
    assert alarms["two-sided"] > (60 if samples > 1 and tasks > 10 else 0)


@pytest.mark.parametrize(("tasks", "samples"), [(30, 1), (164, 1), (30, 5), (164, 5)])
def test_simulated_alarms_at_the_margin(tasks, samples):
    """A model that is worse by exactly the margin passes as non-inferior in at most 5 % of runs."""
    dice, passed, margin = random.Random(12), 0, 0.1
    for _ in range(2000):
        chances = [dice.uniform(0.15, 1.0) for _ in range(tasks)]
        a = [binomial(samples, p, dice) / samples for p in chances]
        b = [binomial(samples, p - margin, dice) / samples for p in chances]
        passed += p_value(a, b, "greater", shift=-margin) <= 0.05
    print(f"T={tasks} n={samples}: {passed} of 2000 at the margin")
    assert within(passed, 2000, 0.05)
    assert passed > 40


@pytest.mark.parametrize(
    ("tasks", "samples", "move"), [(10, 1, 0.2), (50, 1, 0.0), (164, 1, 0.1), (20, 4, 0.1),
                                   (164, 10, 0.05)],
)  # fmt: skip
def test_simulated_coverage(tasks, samples, move):
    """Of 2,000 comparisons with a known true difference at least 95 % of the intervals hold it."""
    dice, hits = random.Random(13), 0
    for _ in range(2000):
        chances = [dice.uniform(0.0, 1.0 - move) for _ in range(tasks)]
        a = [binomial(samples, p, dice) / samples for p in chances]
        b = [binomial(samples, p + move, dice) / samples for p in chances]
        found = difference(a, b)
        hits += found.low <= move <= found.high
    print(f"T={tasks} n={samples} d={move}: coverage {hits / 20:.1f} %")
    assert within(2000 - hits, 2000, 0.05)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [([], [], "no tasks"), ([0.5], [1.5], "values of tasks"), ([0.5, 0.5], [0.5], "shorter")],
)
def test_what_is_no_comparison_is_refused(a, b, message):
    """No tasks, values that are no shares, and runs of different length are errors."""
    with pytest.raises(ValueError, match=message):
        difference(a, b)


def test_impossible_counts_are_refused():
    """Negative counts and more changes than tasks are errors."""
    with pytest.raises(ValueError, match="-1 tasks won"):
        mcnemar(-1, 2)
    with pytest.raises(ValueError, match="of 3 tasks"):
        interval(2, 2, 3)
