"""Holm's correction: known answers, and the chance of any false alarm among several."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_mcode.stats.multiple import holm
from pytest_mcode.stats.paired import mcnemar


def test_known_answer():
    """What statsmodels' multipletests(method="holm") and R's p.adjust give for these four."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([0.6, 0.9]) == (1.0, 1.0)
    assert holm([]) == ()


@given(st.lists(st.floats(0, 1), max_size=20))
def test_adjusted_ps_grow_and_keep_their_order(ps):
    """No p gets smaller, none exceeds 1 or Bonferroni's, and the ranking stays."""
    adjusted = holm(ps)
    for p, q in zip(ps, adjusted, strict=True):
        assert p <= q <= max(p, min(1, len(ps) * p)) + 1e-12
    ranked = [q for _, q in sorted(zip(ps, adjusted, strict=True))]
    assert ranked == sorted(ranked)


def test_simulated_false_alarms_of_any_of_five():
    """Five models against one that is as good: any adjusted p < 0.05 in at most 5 % of 2,000."""
    dice, alone, together = random.Random(21), 0, 0
    for _ in range(2000):
        chances = [dice.random() for _ in range(60)]
        base = [dice.random() < p for p in chances]
        ps = []
        for _ in range(5):
            other = [dice.random() < p for p in chances]
            won = sum(b and not a for a, b in zip(base, other, strict=True))
            lost = sum(a and not b for a, b in zip(base, other, strict=True))
            ps.append(mcnemar(won, lost))
        alone += min(ps) < 0.05
        together += min(holm(ps)) < 0.05
    print(f"any of five below 0.05: {alone} unadjusted, {together} adjusted, of 2000")
    assert together <= 2000 * 0.05 + 3 * math.sqrt(2000 * 0.05 * 0.95)
    assert alone > 2 * 2000 * 0.05


def test_what_is_no_p_is_refused():
    """A p outside 0..1 is an error."""
    with pytest.raises(ValueError, match="p-values are"):
        holm([0.5, 1.5])
