"""The gate's error rates on samples of real models: a small, seeded part of `gate_simulation`."""

import pytest

from pytest_mcode.gate.rule import Rule
from tests.benchmarks import gate_simulation as simulation

DRAWS = 300


@pytest.fixture(scope="module")
def pool(data):
    """CodeGen-16B on HumanEval, 100 samples for each of 164 tasks."""
    return simulation.codegen(data)


@pytest.mark.parametrize("n", [1, 5])
def test_false_alarms_stay_within_alpha(pool, n):
    """Nothing changed: alarms in at most 5 % of the draws (and what chance adds), also when the
    gate looks nine times."""
    row = simulation.simulate(pool, n, "nothing", simulation.nothing, DRAWS, 1, Rule())
    bound = simulation.most(0.05, DRAWS)
    assert row.alarm <= bound
    assert row.early_alarm <= bound


@pytest.mark.parametrize("n", [1, 5])
def test_a_drop_as_large_as_accepted_is_seldom_held(pool, n):
    """At a true drop of max_drop the gate holds in at most 5 % of the draws, early or not."""
    change = simulation.thinned(0.05 / pool.passed.mean())
    row = simulation.simulate(pool, n, "answers lost", change, DRAWS, 2, Rule())
    bound = simulation.most(0.05, DRAWS)
    assert row.held <= bound
    assert row.early_held <= bound


def test_it_finds_more_than_two_intervals_side_by_side(pool):
    """A drop of five points with five samples: found in nine of ten draws, by the unpaired z-test
    in half; early stopping needs fewer tasks for it."""
    change = simulation.thinned(0.05 / pool.passed.mean())
    row = simulation.simulate(pool, 5, "answers lost", change, DRAWS, 3, Rule())
    assert row.alarm > 0.85
    assert row.early_alarm > 0.8
    assert row.unpaired < 0.55
    assert row.early_tasks < 0.75


def test_the_other_pool_and_the_table(data):
    """Qwen3 on MBPP is read in full, and a row of the table has a cell for each column."""
    pool = simulation.qwen(data)
    assert pool.passed.shape == (500, 10)
    assert pool.passed.mean() == pytest.approx(0.2712, abs=1e-4)
    row = simulation.simulate(pool, 5, "tasks lost", simulation.struck(pool, 0.08), 5, 4, Rule())
    head, rule, line = simulation.lines([row])
    assert head.count("|") == rule.count("|") == line.count("|")
    assert 0.05 < row.drop < 0.1
