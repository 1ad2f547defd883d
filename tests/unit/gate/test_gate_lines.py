"""What is printed before and after a run."""

from dataclasses import replace

from pytest_mcode.gate import lines
from pytest_mcode.gate.foresight import foresee
from pytest_mcode.gate.matching import Pair
from pytest_mcode.gate.rule import Rule, decide, floor

RULE = Rule()


def pair(measured, old, new, **more):
    """The same cell twice."""
    return Pair(measured(old, **more), measured(new, **more))


def test_a_regression_fits_80_columns(measured):
    """Rates, bounds, tasks by name and the decision, none of it wider than the terminal."""
    decision = decide(RULE, [pair(measured, [5] * 40, [1] * 40)], "run 20261121-120136-bbbe")
    shown = lines.after(decision)
    assert max(map(len, shown)) <= 80
    assert shown == [
        "against run 20261121-120136-bbbe: alpha 0.05, max-drop 5 points",
        "  b/m",
        "    pass@1 100.00 -> 20.00 %: -80.00 points",
        "    one-sided 95 % bounds -88.35, -67.85; p of a drop < 0.0001",
        "    40 of 40 tasks; 0 won, 40 lost",
        "    lost: T/0, T/1, T/10, T/11, T/12, T/13, T/14, T/15, T/16, T/17, and 30 more",
        "    REGRESSION: the drop is significant",
        "GATE REGRESSION: the drop is significant",
    ]
    assert "T/9" in "\n".join(lines.after(decision, every=True))


def test_the_floor_says_that_it_has_no_control_of_errors(measured):
    """The simple form is told apart from a test."""
    shown = lines.after(floor(Rule(floor=0.7), [measured([3] * 10)]))
    assert "no control of errors" in " ".join(shown)
    assert "    pass@1 60.00 %, floor 70.00 %, 10 of 10 tasks" in shown
    assert shown[-1] == "GATE BELOW: the estimate is below the floor"


def test_nothing_evaluated_names_the_cure(measured):
    """An empty run says what to type."""
    assert "--mcode-bench and --mcode-model" in lines.after(decide(RULE, [], "run r"))[-1]


def test_what_can_be_shown_is_said_before(measured):
    """Half of the draws pass in 164 tasks: five samples are weak for 5 points, 20 are enough."""
    weak = foresee(RULE, pair(measured, [2, 3] * 82, [], n=5, planned=164))
    assert 0.4 < weak.held < 0.8
    assert weak.enough.startswith("--mcode-samples=")
    needed = int(weak.enough.split("=")[1].split()[0])
    enough = foresee(RULE, pair(measured, [needed // 2] * 164, [], n=needed, planned=164))
    assert enough.held >= 0.79
    said = lines.before(RULE, "base.json", [weak])
    assert "gate b/m is weak, 80 % needs --mcode-samples=" in " ".join(said)
    assert max(map(len, said)) <= 73


def test_too_few_tasks_are_hopeless_whatever_the_samples(measured):
    """Ten tasks cannot show 5 points even if all tie; the number that can is named."""
    seen = foresee(RULE, pair(measured, [50] * 10, [], n=100, planned=10))
    assert seen.held == 0
    assert seen.enough.startswith("52 tasks at least")
    assert "gate b/m is hopeless" in " ".join(lines.before(RULE, "base.json", [seen]))


def test_a_drop_below_the_margin_is_not_promised_to_be_found(measured):
    """With very many samples the smallest alarm is still a drop of what is accepted."""
    seen = foresee(RULE, pair(measured, [500] * 164, [], n=1000, planned=164))
    assert seen.found == RULE.max_drop
    assert seen.enough == ""


def test_an_answer_that_is_chosen_counts_once_however_many_samples_it_was_chosen_from(measured):
    """Whether it passed is one value of each run: its noise is that of one sample, and what helps
    are tasks."""
    one = foresee(RULE, pair(measured, [0, 1] * 250, [], n=1, planned=500))
    chosen = pair(measured, [5] * 500, [], n=5, planned=500)
    tasks = {t: r._replace(chosen=int(t[2:]) % 2 == 1) for t, r in chosen.old.tasks.items()}
    seen = foresee(RULE, replace(chosen, old=replace(chosen.old, tasks=tasks)))
    assert (seen.metric, seen.samples) == ("chosen", 5)
    assert (seen.held, seen.found) == (one.held, one.found)
    assert 0.4 < seen.held < 0.5
    assert seen.enough == "about 1,273 tasks, or a larger --mcode-max-drop"
