"""Held, regression, inconclusive: what the rule says of two measurements."""

from dataclasses import replace

import pytest

from pytest_mcode.gate import rule
from pytest_mcode.gate.matching import Pair
from pytest_mcode.gate.rule import Rule, decide, floor
from pytest_mcode.store.per_task import TaskResult

RULE = Rule()


def status(old, new, wanted=RULE):
    """The decision on one cell."""
    return decide(wanted, [Pair(old, new)], "run r").status


def test_the_same_results_hold_where_the_tasks_are_enough(measured):
    """164 tasks without any change hold at 5 points; ten cannot show it, whatever they say."""
    many, few = measured([3] * 164), measured([3] * 10)
    assert status(many, many) == "held"
    assert status(few, few) == "inconclusive"
    assert status(few, few, Rule(max_drop=0.3)) == "held"


def test_a_plain_drop_is_a_regression(measured):
    """All tasks lose two of five draws: no margin below 40 points can hold it."""
    old, new = measured([4] * 50), measured([2] * 50)
    decision = decide(RULE, [Pair(old, new)], "run r")
    (judged,) = decision.judgements
    assert (decision.status, decision.exit_status) == ("regression", 1)
    assert (judged.old, judged.new) == (0.8, 0.4)
    assert judged.high < 0
    assert len(judged.lost) == 50
    assert status(old, new, Rule(max_drop=0.6)) == "held"


def test_a_small_significant_drop_within_the_margin_is_held(measured):
    """A drop that is proved and proved to be smaller than accepted holds."""
    old = measured([50] * 400, n=100)
    new = measured([49, 48] * 200, n=100)
    (judged,) = decide(RULE, [Pair(old, new)], "run r").judgements
    assert judged.p < 0.001
    assert judged.high < 0
    assert judged.status == "held"


def test_noise_decides_nothing(measured):
    """Twenty tasks that go up and down by 40 points show neither a drop nor its absence."""
    old, new = measured([2] * 20), measured([0, 4] * 10)
    assert status(old, new) == "inconclusive"
    assert decide(RULE, [Pair(old, new)], "r").exit_status == 20


def test_infra_and_missing_tasks_are_never_green(measured):
    """What holds without them is inconclusive with one infra error or one task that is missing."""
    old = measured([3] * 164)
    for new, reason in (
        (measured([3] * 163, planned=164, infra=1), "INFRA"),
        (measured([3] * 163, planned=164), "INCOMPLETE: 163 of 164"),
        (measured([], planned=0), "nothing was evaluated"),
    ):
        decision = decide(RULE, [Pair(old, new)], "run r")
        assert decision.exit_status == 20
        assert reason in decision.judgements[0].reason
    assert decide(RULE, [], "run r").exit_status == 20


def test_all_cells_must_hold_and_alarms_are_adjusted(measured):
    """One inconclusive cell makes the gate so; an alarm at p = 0.03 alone is none among three."""
    calm = Pair(measured([3] * 164), measured([3] * 164))
    drop = Pair(measured([1] * 164, n=1), measured([1] * 159 + [0] * 5, n=1))  # exact p = 1/32
    strict = Rule(max_drop=0.001)
    assert decide(strict, [drop], "r").status == "regression"
    assert decide(RULE, [calm, calm, drop], "r").judgements[2].p == pytest.approx(3 / 32)
    three = decide(strict, [calm, calm, drop], "r")
    assert [j.status for j in three.judgements] == ["inconclusive"] * 3
    assert decide(Rule(max_drop=0.1), [calm, calm, drop], "r").status == "held"


def test_one_regression_among_cells_is_one(measured):
    """A cell that dropped decides, also beside a cell with infra errors."""
    broken = Pair(measured([3] * 50), measured([3] * 49, planned=50, infra=1))
    drop = Pair(measured([5] * 50), measured([1] * 50))
    assert decide(RULE, [broken, drop], "r").status == "regression"


def test_other_numbers_of_samples_compare_as_shares(measured):
    """A baseline of 20 samples serves a run of five: 10 of 20 and 5 of 10 are the same rate."""
    old, new = measured([10] * 164, n=20), measured([5] * 164, n=10)
    assert status(old, new) == "held"


def test_repairs_are_judged_by_what_they_reach(measured):
    """With repairs the value is what is solved by the last one, not what the draws alone do."""
    old, new = measured([1] * 100, debug_iters=2), measured([1] * 100, debug_iters=2)
    tasks = {t: r._replace(solved_by=(1, 3, 5)) for t, r in old.tasks.items()}
    old = replace(old, tasks=tasks)
    (judged,) = decide(RULE, [Pair(old, new)], "r").judgements
    assert (judged.metric, judged.old, judged.new) == ("solved by iteration 2", 1.0, 0.2)
    assert judged.status == "regression"


def test_early_stop_is_judged_by_whether_any_passed(measured):
    """Draws left out after a success make shares meaningless: solved@n stands for them, and then
    the numbers of samples must be the same."""
    old, new = measured([3] * 100), measured([1] * 100)
    short = {t: TaskResult(1, True, (1,)) for t in new.tasks}
    new = replace(new, tasks=short)
    (judged,) = decide(RULE, [Pair(old, new)], "r").judgements
    assert (judged.metric, judged.old, judged.new) == ("solved@5", 1.0, 1.0)
    other = replace(new, variant=replace(new.variant, samples=8))
    (judged,) = decide(RULE, [Pair(old, other)], "r").judgements
    assert judged.status == "inconclusive"
    assert "--mcode-samples" in judged.reason


def test_what_a_strategy_chose_is_its_value(measured):
    """Where both sides choose an answer, whether that one passed is compared; one side alone is no
    comparison."""
    old = measured([3] * 100)
    chose = {t: r._replace(chosen=True) for t, r in old.tasks.items()}
    missed = {t: r._replace(chosen=False) for t, r in old.tasks.items()}
    pair = Pair(replace(old, tasks=chose), replace(old, tasks=missed))
    (judged,) = decide(RULE, [pair], "r").judgements
    assert (judged.metric, judged.old, judged.new) == ("chosen", 1.0, 0.0)
    one = decide(RULE, [Pair(old, replace(old, tasks=chose))], "r")
    assert one.status == "inconclusive"


def test_answers_that_were_not_asked_again_are_told(measured):
    """A run that took its answers from an earlier one sees no change of the model, and says so."""
    old = measured([3] * 164)
    new = replace(old, attempts=820, reused=800)
    (note,) = decide(RULE, [Pair(old, new)], "r").notes
    assert note.startswith("drawn by an earlier run: 800 of 820 answers;")


def test_the_floor_compares_the_estimate(measured):
    """--mcode-fail-under: at the floor it holds, below it does not, incomplete is inconclusive."""
    new = measured([3] * 10)
    assert floor(Rule(floor=0.6), [new]).status == "held"
    below = floor(Rule(floor=0.61), [new])
    assert (below.status, below.exit_status) == ("below", 1)
    assert floor(Rule(floor=0.1), [measured([3] * 9, planned=10)]).status == "inconclusive"
    assert floor(Rule(floor=0.1), []).status == "inconclusive"


def test_the_floor_is_of_first_draws_where_draws_end_early(measured):
    """A task that passed at its last draw stopped early as well: its first draw failed."""
    new = measured([1, 1], n=5)
    ends = TaskResult(1, True, (1,)), TaskResult(5, False, (1,))
    tasks = dict(zip(new.tasks, ends, strict=True))
    (judged,) = floor(Rule(floor=0.5), [replace(new, tasks=tasks)]).judgements
    assert judged.new == 0.5


def test_a_decision_is_plain_json(measured):
    """What the database keeps can be written by any JSON library."""
    import json

    old = measured([3] * 5)
    decision = decide(RULE, [Pair(old, old)], "run r")
    again = json.loads(json.dumps(decision.to_json()))
    assert again["judgements"][0]["label"] == "b/m"
    assert rule.EXIT[again["status"]] == 20
