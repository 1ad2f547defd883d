"""Decisions of the gate stand beside their runs."""

from pytest_mcode.store.gates import decisions


def test_decisions_come_back_newest_first_and_go_with_their_run(store):
    """A run can be decided on again; records keep their shape, other runs have none."""
    store.keep_gate("r1", "inconclusive", "base.json", {"judgements": []})
    store.keep_gate("r1", "held", "base.json", {"judgements": [{"label": "ü", "p": 0.5}]})
    found = decisions(store, ["r1", "r2"])
    assert [row.status for row in found] == ["held", "inconclusive"]
    assert found[0].record == {"judgements": [{"label": "ü", "p": 0.5}]}
    assert decisions(store, ["r2"]) == ()
    assert decisions(store, []) == ()


def test_only_a_decision_before_the_last_task_has_stopped_a_run(store):
    """Without early looks, with all tasks, or undecided, the gate has stopped nothing."""

    def stopped(status, tasks, early):
        cell = {"tasks": tasks, "planned": 1200}
        record = {"rule": {"early": early}, "judgements": [cell]}
        store.keep_gate("r1", status, "base.json", record)
        return decisions(store, ["r1"])[0].stopped

    assert stopped("regression", 240, early=True) == "after 240 of 1,200 tasks (regression)"
    assert stopped("held", 1200, early=True) == ""
    assert stopped("inconclusive", 240, early=True) == ""
    assert stopped("regression", 240, early=False) == ""
