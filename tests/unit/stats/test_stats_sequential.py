"""Early looks: the published boundaries, and the chance of a false alarm over all looks."""

import math
import random
from statistics import NormalDist

import pytest

from pytest_mcode.stats.paired import p_value
from pytest_mcode.stats.sequential import levels, spent

FIVE = (0.2, 0.4, 0.6, 0.8, 1.0)


def test_published_boundaries():
    """Five looks at one-sided 0.025 have z = 4.877, 3.357, 2.680, 2.290, 2.031.

    R's gsDesign(k = 5, test.type = 1, sfu = sfLDOF) and the programs of Reboussin, DeMets, Kim and
    Lan 2000 (Controlled Clinical Trials 21:190) give these.
    """
    found = [-NormalDist().inv_cdf(level) for level in levels(FIVE, 0.025)]
    assert found == pytest.approx([4.877, 3.357, 2.680, 2.290, 2.031], abs=6e-4)


def test_one_look_at_the_end_is_the_plain_test():
    """All of alpha at one look; a single early look gets what is spent by then."""
    assert levels([1.0], 0.05) == (pytest.approx(0.05, rel=1e-6),)
    assert levels([0.5], 0.05) == (pytest.approx(spent(0.5, 0.05), rel=1e-6),)


def test_levels_rise_and_the_last_is_a_little_below_alpha():
    """Early looks ask for much more than late ones."""
    found = levels([i / 8 for i in range(1, 9)], 0.05)
    assert list(found) == sorted(found)
    assert found[0] < 1e-6
    assert 0.03 < found[-1] < 0.05


@pytest.mark.parametrize("samples", [1, 4])
def test_simulated_false_alarms_over_all_looks(samples):
    """Two runs of the same model, looked at five times: stopped for a drop in at most 5 % of 1,500.

    Looking at an unadjusted 0.05 each time is wrong far more often.
    """
    dice, plan, stopped, naive = random.Random(41), levels(FIVE), 0, 0
    for _ in range(1500):
        chances = [dice.betavariate(0.5, 0.7) for _ in range(100)]
        a = [sum(dice.random() < p for _ in range(samples)) / samples for p in chances]
        b = [sum(dice.random() < p for _ in range(samples)) / samples for p in chances]
        ps = [p_value(a[: round(100 * f)], b[: round(100 * f)], "less") for f in FIVE]
        stopped += any(p <= level for p, level in zip(ps, plan, strict=True))
        naive += min(ps) <= 0.05
    print(f"n={samples}: stopped {stopped}, unadjusted {naive} of 1500")
    assert stopped <= 1500 * 0.05 + 3 * math.sqrt(1500 * 0.05 * 0.95)
    assert naive > stopped


@pytest.mark.parametrize("looks", [(), (0.5, 0.5), (0.5, 0.2), (0.0, 1.0), (0.5, 1.2)])
def test_looks_that_do_not_rise_are_refused(looks):
    """No look, the same look twice, and looks before the first or after the last task."""
    with pytest.raises(ValueError, match="looks are"):
        levels(looks)
