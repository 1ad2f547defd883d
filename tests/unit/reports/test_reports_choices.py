"""Rates of strategies that choose: their own names, never pass@k; a judge beside the tests."""

import dataclasses
import json
import re

import pytest

from pytest_mcode.core.records import Attempt, Outcome, Variant
from pytest_mcode.reports import text
from pytest_mcode.reports.agreement import agreement, lines, silence
from pytest_mcode.reports.choices import maj_at_k
from pytest_mcode.reports.summary import summarize
from pytest_mcode.store import per_task
from pytest_mcode.store.database import PlannedItem


@pytest.fixture
def measured(store, outcome):
    """`measured(variant, {task: [(status, notes), ...]}, reports)`: one draw each -> Summary."""

    def record(variant, tasks, reports=None, grouped=False):
        strategy = {"name": variant.strategy} | ({"reports": reports} if reports else {})
        items = [PlannedItem(f"{variant.label}[{task}]", variant.label, task) for task in tasks]
        store.start_run("r1", command="pytest", fingerprint_parts={}, version="0")
        store.plan("r1", {variant.label: (variant, {"strategy": strategy})}, items)
        for item, (task, drawn) in zip(items, tasks.items(), strict=True):
            plain = outcome(variant, task, [[status] for status, _ in drawn])
            for attempt, (_, notes) in zip(plain["attempts"], drawn, strict=True):
                attempt["notes"] = notes
                passed = attempt["verdict"]["status"] == "passed"
                attempt["verdict"]["groups"] = {"base": True, "plus": passed} if grouped else {}
            chosen = [i for i, (_, notes) in enumerate(drawn) if notes.get("chosen")]
            plain["counts"] = chosen or plain["counts"]
            store.record("r1", item.nodeid, plain)
        store.finish_run("r1")
        return summarize(store)

    return record


VOTES = {
    # Three of five agree and are right; the other two have no vote.
    "t/0": [
        ("passed", {"vote": "a", "chosen": True}),
        *[("passed", {"vote": "a"})] * 2,
        *[("error", {"vote": ""})] * 2,
    ],
    # Two agree on what is wrong, one is right.
    "t/1": [
        ("failed", {"vote": "b", "chosen": True}),
        ("failed", {"vote": "b"}),
        ("passed", {"vote": "c"}),
        ("failed", {"vote": "d"}),
        ("failed", {"vote": "e"}),
    ],
}


def test_voting_is_reported_as_maj_at_k_and_pass_at_1_alone(measured):
    """maj@5 is what was handed in; pass@5 does not appear, solved@5 keeps its own line."""
    cell = Variant("b", "m", samples=5, strategy="majority")
    summary = measured(cell, VOTES, ["maj@k"])
    shown = text.lines(summary)
    rates = dict(summary.variants[0].choices.rates)
    assert rates["maj@5"].value == pytest.approx(0.5)
    assert rates["maj@1"].value == pytest.approx((3 / 5 + 1 / 5) / 2)
    assert [k for k, _ in summary.variants[0].rates.pass_at] == [1]
    assert not any("pass@5" in line for line in shown)
    assert any(line.startswith("  solved@5") for line in shown)
    assert any(line.startswith("  maj@5") for line in shown)
    assert max(len(line) for line in shown if not line.startswith("database")) <= 80


def test_rates_of_groups_of_tests_follow_the_same_rule(measured):
    """EvalPlus' base tests: pass@1 alone where the strategy chooses."""
    cell = Variant("b", "m", samples=5, strategy="majority")
    ((name, rates),) = measured(cell, VOTES, ["maj@k"], grouped=True).variants[0].rates.groups
    assert name == "base"
    assert [k for k, _ in rates] == [1]


def test_an_item_is_solved_by_what_was_handed_in(measured, store):
    """t/1 had a draw that passed, but another was chosen: unsolved, and so per task."""
    cell = Variant("b", "m", samples=5, strategy="majority")
    summary = measured(cell, VOTES, ["maj@k"])
    assert store.rows("SELECT task_id, solved, chosen FROM items ORDER BY task_id") == [
        ("t/0", 1, 1),
        ("t/1", 0, 0),
    ]
    found = per_task.results(store, summary.variants[0].row.variant_id)
    assert {task: result.chosen for task, result in found.items()} == {"t/0": True, "t/1": False}
    assert found["t/1"].passes() == 1


def test_a_group_that_disagrees_on_hidden_tests_counts_by_its_share():
    """Equal on the public inputs, one of two passes: any of them could be handed in."""
    ((name, rate),) = maj_at_k([[("a", True)]], 1)
    assert (name, rate.value) == ("maj@1", 1)
    found = dict(maj_at_k([[("a", True), ("a", False)]], 2))
    assert found["maj@2"].value == pytest.approx(0.5)


def test_tasks_without_all_draws_are_in_no_maj_at_k():
    """A task that lost a draw would be voted on by fewer."""
    assert list(maj_at_k([[("a", True)]], 2)) == []


JUDGED = {
    "t/0": [("passed", {"judge": True, "chosen": True}), ("failed", {"judge": True})],
    "t/1": [("failed", {"judge": False, "chosen": True}), ("passed", {"judge": False})],
    "t/2": [("passed", {"judge": True, "chosen": True}), ("no_code", {"judge": None})],
}


def test_a_judge_is_reported_by_what_it_selected_and_how_far_it_agrees(measured):
    """Two of three selections pass; the four counts, the silent draw, agreement and kappa."""
    cell = Variant("b", "m", samples=2, strategy="judge")
    summary = measured(cell, JUDGED, ["agreement", "chosen"])
    shown = "\n".join(text.lines(summary))
    rates = dict(summary.variants[0].choices.rates)
    assert rates["judge-selected"].value == pytest.approx(2 / 3)
    found = summary.variants[0].choices.agreement
    assert (found.counts, found.silent, found.judged) == ((2, 1, 1, 1), 1, 5)
    assert re.search(r"judge accepts +2 +1\n +judge rejects +1 +1\n", shown)
    assert "JUDGE: no opinion (yes or no) on 1 of 6 draws: not accepted." in shown
    assert "Cohen's kappa 0.17 [-1.00, 1.00]" in shown
    assert "pass@2" not in shown


def test_a_judge_without_any_opinion_is_said_to_have_none():
    """No table of zeros and no kappa, and what was handed in is not the judge's merit."""
    silent = agreement({"t/0": {(None, True): 3, (None, False): 1}})
    assert lines(silent) == []
    said = silence(silent)
    assert said.startswith("JUDGE: no opinion (yes or no) on any of 4 draws: the first of each")


def test_other_strategies_keep_pass_at_k_and_ask_for_no_notes(measured):
    """Nothing declared: as before, without any line on choices."""
    cell = Variant("b", "m", samples=2, strategy="stranger")
    summary = measured(cell, {"t/0": [("passed", {}), ("failed", {})]})
    assert [k for k, _ in summary.variants[0].rates.pass_at] == [1, 2]
    assert summary.variants[0].choices.rates == ()
    assert "maj@" not in "\n".join(text.lines(summary))


def test_public_feedback_counts_the_last_attempt_of_a_chain(store, outcome):
    """A draw that passed hidden tests, but was repaired into failure, is not solved by then."""
    cell = Variant("b", "m", samples=1, debug_iters=1, feedback="public")
    chain = outcome(cell, "t/0", [["passed", "failed"]])
    assert chain["counts"] == [1]
    hidden = dataclasses.replace(cell, feedback="hidden")
    parts = {"limits": {"wall_s": 1.0}}
    store.start_run("r", command="pytest", fingerprint_parts={}, version="0")
    cells = {"p": (cell, parts), "h": (hidden, parts)}
    store.plan("r", cells, [PlannedItem("p[0]", "p", "t/0"), PlannedItem("h[0]", "h", "t/0")])
    store.record("r", "p[0]", chain)
    store.record("r", "h[0]", outcome(hidden, "t/0", [["passed", "failed"]]))
    assert store.rows("SELECT solved, solved_by, first_passed FROM items ORDER BY nodeid") == [
        (1, "[1, 1]", 1),
        (0, "[1, 0]", 1),
    ]


def test_tasks_without_public_tests_are_counted_in_the_report(measured):
    """Where the prompt shows no test, nothing was repaired, and the report says for how many."""
    cell = Variant("b", "m", debug_iters=2, feedback="public")
    none, some = ({"public": {"verdict": v}} for v in ("none", "failed"))
    summary = measured(cell, {"t/0": [("failed", none)], "t/1": [("failed", some)]})
    shown = "\n".join(text.lines(summary))
    assert "feedback: public tests" in shown
    assert "without public tests: 1 of 2 tasks; their draws were not repaired." in shown


def test_handed_in_is_one_rule(outcome):
    """Chosen, else the last of each sample under public feedback, else all."""
    cell = Variant("b", "m", samples=2, debug_iters=1)
    plain = outcome(cell, "t", [["failed", "passed"], ["passed"]])
    made = tuple(Attempt(**a) for a in json.loads(json.dumps(plain["attempts"])))
    assert len(Outcome(cell, "t", made).handed_in) == 3
    public = dataclasses.replace(cell, feedback="public")
    places = [(a.sample, a.iteration) for a in Outcome(public, "t", made).handed_in]
    assert places == [(0, 1), (1, 0)]
    chosen = (dataclasses.replace(made[0], notes={"chosen": True}), *made[1:])
    assert Outcome(public, "t", chosen).handed_in == chosen[:1]
