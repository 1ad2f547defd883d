"""Which cell of the baseline is meant, and what must agree."""

from dataclasses import replace

import pytest

from pytest_mcode.core.errors import ConfigError
from pytest_mcode.core.fingerprint import MOVES_NOTHING, confounding
from pytest_mcode.gate import matching
from pytest_mcode.gate.baseline import Baseline


def baseline(*measurements):
    """A baseline of these cells."""
    return Baseline("run r", measurements)


def refused(old, new):
    """What is said when the pair may not be compared."""
    with pytest.raises(ConfigError) as error:
        matching.pairs(baseline(old), [new])
    return str(error.value)


def test_the_same_cell_comes_first(measured):
    """Of a grid the cell with the same model and samples is taken."""
    cells = [measured([1], n=n, label=f"n{n}") for n in (1, 5, 10)]
    (pair,) = matching.pairs(baseline(*cells), [measured([1], n=5)])
    assert pair.old.label == "n5"


def test_another_model_strategy_or_number_of_samples_is_what_is_gated(measured):
    """A lone cell of the same benchmark and repairs is the partner; what differs is said."""
    old = measured([1] * 3, n=20)
    new = measured([1] * 3, n=5, model="other", strategy="mine", parts={"prompts": 2})
    (pair,) = matching.pairs(baseline(old), [new])
    assert pair.old is old
    assert pair.changed == ("prompts (1, now 2)",)


def test_several_partners_are_asked_back(measured):
    """Two cells of the baseline that are equally near: the error names both."""
    cells = [measured([1], model=m, label=m) for m in ("a", "b")]
    with pytest.raises(ConfigError, match=r"several cells that could be meant \(a, b\)"):
        matching.pairs(baseline(*cells), [measured([1], model="c")])


@pytest.mark.parametrize(
    ("part", "value", "named"),
    [
        ("data", {"benchmark": "b", "sha256": "2"}, "data.sha256 (1, now 2)"),
        ("limits", {"wall_s": 3.0}, "limits.wall_s (10.0, now 3.0)"),
        ("sampling", {"temperature": 0.2}, "sampling.temperature (0.8, now 0.2)"),
        ("verify_times", 3, "verify_times (1, now 3)"),
        ("sandbox", {"verdict": 6, "python": "3.11.7"}, "sandbox.verdict (5, now 6)"),
        ("sandbox", {"verdict": 5, "python": "3.12.1"}, "sandbox.python (3.11.7, now 3.12.1)"),
        ("sandbox", {"verdict": 5, "python": "3.11.7", "packages": "the image's own",
                     "image": "mine:2"}, "sandbox.image (nothing, now mine:2)"),
    ],
)  # fmt: skip
def test_what_moves_numbers_must_agree(measured, part, value, named):
    """Data, limits, sampling and verdicts: the error names the part, both values and the cure."""
    said = refused(measured([1]), measured([1], parts={part: value}))
    assert named in said
    assert "measure the baseline anew" in said


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("sampling", {"temperature": 0.8, "seed": 7}),
        ("sandbox", {"sandbox": "bubblewrap", "verdict": 5, "python": "3.11.2",
                     "packages": "numpy==2", "host_factor": 3}),
        ("model", {"backend": "ollama", "model": "other"}),
        ("version", "0.2.0"),
    ],
)  # fmt: skip
def test_what_a_change_changes_may_differ(measured, part, value):
    """Seed, model, version, the kind of sandbox and the speed of the host are compared across."""
    (pair,) = matching.pairs(baseline(measured([1])), [measured([1], parts={part: value})])
    assert pair.changed


def test_the_gate_lets_pass_what_the_comparison_lets_pass(measured):
    """Whatever part of a sandbox the core calls the host's is none that a gate refuses."""
    host = {name.partition(".")[2]: "other" for name in MOVES_NOTHING if name.startswith("sandbox")}
    old = measured([1])
    new = measured([1], parts={"sandbox": {**old.parts["sandbox"], **host}})
    assert confounding(old.parts, new.parts) == []
    (pair,) = matching.pairs(baseline(old), [new])
    assert len(pair.changed) == len(host)


def test_tasks_that_the_baseline_lacks_are_refused_and_fewer_are_not(measured):
    """A part of the baseline's tasks can be gated, tasks beyond them cannot."""
    said = refused(measured([1] * 3), measured([1] * 5))
    assert "no result for 2 of the 5 tasks" in said
    (pair,) = matching.pairs(baseline(measured([1] * 5)), [measured([1] * 3)])
    assert len(pair.new.planned) == 3


def test_repairs_are_no_detail(measured):
    """A run with repairs has no partner in a baseline without."""
    said = refused(measured([1]), measured([1], debug_iters=3))
    assert "none with its benchmark and repairs" in said


def test_a_run_fits_that_has_all_tasks(measured):
    """Of a database the newest run is taken that has one partner with all tasks."""
    old = measured([1] * 3)
    assert matching.fits([old], {old.variant: {"T/0", "T/2"}})
    assert not matching.fits([old], {old.variant: {"T/9"}})
    assert not matching.fits([old], {replace(old.variant, debug_iters=1): {"T/0"}})
