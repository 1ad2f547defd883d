"""Cohen's kappa: known answers, and an interval that is over tasks and never claims too much."""

import math

import numpy as np
import pytest

from pytest_mcode.stats.kappa import kappa


def test_known_answers():
    """The textbook table of 50 proposals (20, 5, 10, 15): 0.70 observed, 0.50 by chance, so 0.4.
    Its figures do not depend on how the ratings are spread over tasks."""
    assert kappa({(20, 5, 10, 15): 1}).value == pytest.approx(0.4)
    assert kappa({(4, 1, 2, 3): 5}).value == pytest.approx(0.4)
    spread = {(1, 0, 0, 0): 20, (0, 1, 0, 0): 5, (0, 0, 1, 0): 10, (0, 0, 0, 1): 15}
    assert kappa(spread).value == pytest.approx(0.4)


def test_extremes():
    """Full agreement is 1, full contradiction -1, independence 0, a rater who never varies NaN."""
    assert kappa({(5, 0, 0, 5): 1}).value == pytest.approx(1)
    assert kappa({(0, 5, 5, 0): 1}).value == pytest.approx(-1)
    assert kappa({(4, 4, 4, 4): 1}).value == pytest.approx(0)
    assert math.isnan(kappa({(9, 0, 0, 0): 1}).value)
    with pytest.raises(ValueError, match="no ratings"):
        kappa({(0, 0, 0, 0): 3})


@pytest.mark.parametrize("tasks", [{(20, 5, 10, 15): 1}, {(5, 0, 0, 5): 40}, {(9, 0, 0, 0): 9}])
def test_no_false_certainty(tasks):
    """One task, or tasks that are all alike, tell nothing of the spread: the whole range."""
    found = kappa(tasks)
    assert (found.low, found.high) == (-1, 1)


@pytest.mark.parametrize(("size", "draws"), [(60, 5), (20, 4)])
def test_the_interval_covers_the_truth(size, draws):
    """300 simulated studies whose draws are alike within a task: at least 90 % cover, which an
    interval over draws would not."""
    rng = np.random.default_rng(1)
    probabilities = np.array([0.3, 0.1, 0.2, 0.4])
    observed = 0.7
    chance = (0.4 * 0.5) + (0.6 * 0.5)
    truth = (observed - chance) / (1 - chance)
    covered = 0
    for _ in range(300):
        tasks = {}
        for kind in rng.choice(4, size=size, p=probabilities):
            table = [0, 0, 0, 0]
            table[kind] = draws
            tasks[tuple(table)] = tasks.get(tuple(table), 0) + 1
        found = kappa(tasks)
        covered += found.low <= truth <= found.high
    assert 0.90 <= covered / 300 < 1
