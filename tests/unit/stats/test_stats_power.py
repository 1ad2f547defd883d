"""Power before a run: textbook sizes, simulation with the tests that are then used."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_mcode.stats.paired import mcnemar, p_value
from pytest_mcode.stats.power import (
    Noise,
    minimum_detectable,
    noise,
    power,
    samples_needed,
    tasks_needed,
)


@pytest.mark.parametrize(("effect", "pairs"), [(0.2, 199), (0.5, 34), (0.8, 15)])
def test_cohens_sizes_of_a_paired_t_test(effect, pairs):
    """Pairs for 80 % power at 5 % two-sided: G*Power's 199, 34, 15 for d = 0.2, 0.5, 0.8."""
    unit = Noise(1.0, binary=False)
    assert tasks_needed(unit, effect) == pairs
    assert power(unit, effect, pairs) == pytest.approx(0.805, abs=0.02)


def test_millers_normal_formula_for_many_tasks():
    """(z_{alpha/2} + z_beta)^2 variance / T = effect^2, Miller 2024 equation 9, within 1 %."""
    expected = Noise(0.09, binary=False)
    formula = (1.959964 + 0.841621) * math.sqrt(0.09 / 1000)
    assert minimum_detectable(expected, 1000) == pytest.approx(formula, rel=0.01)


def test_the_noise_of_a_baseline():
    """Within-task variance is estimated without bias; single samples get their upper bound."""
    dice, chances = random.Random(3), [0.1, 0.5, 0.9] * 2000
    counts = [(5, sum(dice.random() < p for _ in range(5))) for p in chances]
    truth = sum(p * (1 - p) for p in chances) / len(chances) * (1 / 5 + 1 / 20)
    assert noise(counts, 20) == Noise(pytest.approx(truth, rel=0.04), binary=False)
    single = noise([(1, c) for _, c in [(1, 1), (1, 0)] * 50], 1)
    assert single == Noise(pytest.approx(0.5), binary=True)
    assert noise([(5, 5)] * 9, 5, shift_sd=0.2).variance == pytest.approx(0.04)


@pytest.mark.parametrize(("tasks", "samples"), [(20, 5), (60, 3), (60, 1), (164, 1)])
def test_it_is_the_power_of_the_test_that_is_used(tasks, samples):
    """Of 1,500 simulated pairs of runs with a real drop, as many are found as was promised."""
    dice, found, drop = random.Random(31), 0, 0.12
    chances = [0.3, 0.6, 0.9, 0.45, 0.75] * (tasks // 5 + 1)
    chances = chances[:tasks]
    spread = sum(
        p * (1 - p) + (p - drop) * (1 - p + drop) for p in chances
    ) / tasks / samples  # fmt: skip
    differing = sum(p * (1 - p + drop) + (p - drop) * (1 - p) for p in chances) / tasks
    expected = Noise(differing if samples == 1 else spread, binary=samples == 1)
    promised = power(expected, drop, tasks, sides=1)
    for _ in range(1500):
        a = [sum(dice.random() < p for _ in range(samples)) / samples for p in chances]
        b = [sum(dice.random() < p - drop for _ in range(samples)) / samples for p in chances]
        found += p_value(a, b, "less") <= 0.05
    print(f"T={tasks} n={samples}: promised {promised:.3f}, found {found / 1500:.3f}")
    assert found / 1500 == pytest.approx(promised, abs=0.04)


@settings(deadline=None, max_examples=25)
@given(st.floats(0.02, 0.5), st.integers(5, 400), st.sampled_from([0.01, 0.05]))
def test_without_an_effect_the_power_is_at_most_alpha(differing, tasks, alpha):
    """The exact McNemar test never exceeds its level, and the sum over m is the definition's."""
    found = power(Noise(differing, binary=True), 0.0, tasks, alpha, sides=1)
    assert found <= alpha + 1e-9
    direct = 0.0
    for m in range(1, tasks + 1):
        chance = math.comb(tasks, m) * differing**m * (1 - differing) ** (tasks - m)
        if chance > 1e-12:
            hit = (math.comb(m, lost) / 2**m for lost in range(m + 1) if _low(lost, m, alpha))
            direct += chance * math.fsum(hit)
    assert found == pytest.approx(direct, abs=1e-6)


def _low(lost: int, m: int, alpha: float) -> bool:
    return mcnemar(m - lost, lost, "greater") <= alpha


def test_sizes_undo_each_other():
    """The minimum detectable effect on T tasks needs about T tasks; more samples do as well."""
    baseline = [(10, c) for c in (0, 2, 5, 8, 10)] * 20
    expected = noise(baseline, 10)
    effect = minimum_detectable(expected, 100)
    assert tasks_needed(expected, effect) == pytest.approx(100, abs=2)
    enough = samples_needed(baseline, 0.03)
    within = noise(baseline, 10).variance * 5
    assert power(Noise(2 * within / enough, binary=False), 0.03, 100) >= 0.8
    assert power(Noise(2 * within / (enough - 1), binary=False), 0.03, 100) < 0.8
    assert samples_needed(baseline, 0.015) > 3 * enough
    assert samples_needed([(4, 4)] * 10, 0.01) == 2


def test_what_cannot_be_found_is_none():
    """Five tasks with one sample each are never significant at 1 %: no effect, no size."""
    single = Noise(0.3, binary=True)
    assert minimum_detectable(single, 5, alpha=0.01) is None
    assert tasks_needed(single, 0.0) is None


def test_a_model_without_randomness_changes_by_whole_tasks():
    """Any even shift would be found; but six whole tasks must be lost to be significant."""
    certain = noise([(5, 5)] * 164, 5)
    effect = minimum_detectable(certain, 164)
    lost_six = 1 - sum(
        math.comb(164, k) * effect**k * (1 - effect) ** (164 - k) for k in range(6)
    )  # fmt: skip
    assert lost_six == pytest.approx(0.8, abs=0.005)
    assert tasks_needed(certain, effect) == pytest.approx(164, abs=1)
    assert power(certain, 0.01, 10) == 1.0
    assert power(certain, 0.0, 10) == 0.05
    assert power(Noise(0.0, binary=True), 0.0, 10) == 0.0


@pytest.mark.parametrize("baseline", [[], [(0, 0)], [(5, 6)]])
def test_impossible_baselines_are_refused(baseline):
    """No tasks, no samples and more passes than samples are errors."""
    with pytest.raises(ValueError, match="noise needs"):
        noise(baseline, 5)


def test_impossible_questions_are_refused():
    """An effect beyond 1 and a single task are errors."""
    with pytest.raises(ValueError, match="effect of"):
        power(Noise(0.1, binary=False), 1.5, 10)
    with pytest.raises(ValueError, match="1 tasks"):
        power(Noise(0.1, binary=False), 0.5, 1)
