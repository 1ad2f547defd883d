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
