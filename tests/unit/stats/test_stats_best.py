"""The best of several levels."""

from __future__ import annotations

import random

import pytest

from pytest_mcode.stats.best import best, simultaneous
from pytest_mcode.stats.multiple import holm
from pytest_mcode.stats.paired import difference


def test_the_best_is_compared_with_every_other_level():
    """60, 50 and 30 per cent of 100 tasks: ahead of both, by 10 and 30 points."""
    levels = [[float(i % 10 < rate) for i in range(100)] for rate in (5, 6, 3)]
    top, rivals = best(levels)
    assert top == 1
    assert [rival.index for rival in rivals] == [0, 2]
    assert [rival.difference.value for rival in rivals] == pytest.approx([0.1, 0.3])
    assert all(rival.difference.low > 0 and rival.p < 0.05 for rival in rivals)
    assert rivals[0].p >= rivals[0].difference.p


def test_of_equal_levels_none_is_called_the_best():
    """And the first is shown; one level alone has nothing to be compared with."""
    top, rivals = best([[1.0, 0.0, 1.0]] * 3)
    assert (top, [rival.p for rival in rivals]) == (0, [1.0, 1.0])
    with pytest.raises(ValueError, match="no rival"):
        best([[1.0]])


def test_looking_for_the_best_raises_no_false_alarms():
    """Five equal levels of 60 tasks, 400 times: the winner is called better than another in at most
    5 % and three standard errors; adjusted for what is shown alone it would be more than 8 %."""
    draw, alarms, naive = random.Random(11), 0, 0
    for _ in range(400):
        levels = [
            [sum(draw.random() < 0.5 for _ in range(4)) / 4 for _ in range(60)] for _ in "abcde"
        ]
        top, rivals = best(levels)
        alarms += any(rival.p < 0.05 for rival in rivals)
        shown = [difference(v, levels[top]).p for i, v in enumerate(levels) if i != top]
        naive += min(holm(shown)) < 0.05
    assert alarms / 400 < 0.05 + 3 * 0.011
    assert naive / 400 > 0.08


def test_intervals_of_all_pairs_hold_together():
    """Two levels: 95 %; four have six pairs, 99.17 % each."""
    assert simultaneous(2) == pytest.approx(0.95)
    assert simultaneous(4) == pytest.approx(1 - 0.05 / 6)
    assert simultaneous(1) == pytest.approx(0.95)
