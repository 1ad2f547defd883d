"""Properties for JUnit XML and JSON reports."""

from pytest_mcode.core.records import Variant
from pytest_mcode.reports.properties import properties

VARIANT = Variant("humaneval", "m", samples=2, debug_iters=1)


def test_properties_are_flat_scalars(outcome):
    """JUnit writes str(value): every property is a scalar under a name that starts with mcode_."""
    found = properties(outcome(VARIANT, "HumanEval/0", [["failed", "passed"], ["passed"]]))
    assert all(name.startswith("mcode_") for name in found)
    assert all(type(value) in (str, int, float, bool) for value in found.values())
    assert found["mcode_solved"] is True
    assert (found["mcode_draws"], found["mcode_draws_passed"], found["mcode_attempts"]) == (2, 1, 3)
    assert (found["mcode_iterations_used"], found["mcode_completion_tokens"]) == (1, 60)
    assert found["mcode_verdict"] == "passed"


def test_infra_is_told_apart_from_unsolved(outcome):
    """An infra error has its message and no verdict; an unsolved item has its last verdict."""
    infra = properties(outcome(VARIANT, "HumanEval/0", "server down"))
    unsolved = properties(outcome(VARIANT, "HumanEval/0", [["failed", "timeout"]]))
    assert (infra["mcode_solved"], infra["mcode_verdict"]) == (False, "")
    assert infra["mcode_infra"] == "server down"
    assert (unsolved["mcode_verdict"], unsolved["mcode_infra"]) == ("timeout", "")
