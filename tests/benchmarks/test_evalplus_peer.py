"""EvalPlus's own verdicts: on references with a mistake each, and in a run beside ours."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_mcode.core.errors import InfraError
from pytest_mcode.core.records import SandboxSpec

from .contenders import KINDS
from .evalplus_peer import PEER, Row, main, table
from .evalplus_run import Took
from .mutant_labels import BENCHMARKS, EACH, cases, differing, labels, verify


@pytest.mark.bubblewrap
@pytest.mark.parametrize("name", BENCHMARKS)
def test_mutated_references_get_the_verdicts_of_evalplus(data, name):
    """Base and plus of each: what EvalPlus 0.3.1 passes passes here, what it fails fails."""
    known = labels()
    chosen = [case for case in cases(name, data) if case.key in known]
    assert len(chosen) == EACH
    sandbox = KINDS["bubblewrap"](SandboxSpec(label="mutants"))
    try:
        sandbox.start()
    except InfraError as error:
        pytest.skip(str(error))
    try:
        found = verify(sandbox, chosen)
    finally:
        sandbox.close()
    assert differing(chosen, known, found) == []


def test_the_labels_tell_something():
    """Both statuses, base alone and none: each of them at least ten times, and a few pass plus
    alone."""
    counted = [(row["base"], row["plus"]) for row in labels().values()]
    assert min(counted.count(both) for both in ((True, True), (True, False), (False, False))) >= 10
    assert (False, True) in counted


def test_a_wrong_verdict_would_be_noticed(data):
    """A label that says otherwise, or is of another mutant, is named."""
    known = {key: dict(row) for key, row in labels().items()}
    chosen = [case for case in cases("mbpp", data) if case.key in known][:3]
    first, second, _ = (case.key for case in chosen)
    found = {case.key: (known[case.key]["base"], known[case.key]["plus"]) for case in chosen}
    assert differing(chosen, known, found) == []
    known[first]["plus"] = not known[first]["plus"]
    known[second]["digest"] = "0" * 12
    one, two = differing(chosen, known, found)
    assert one.startswith(f"{first} (")
    assert two == f"{second}: the label is of another mutant"


def test_the_table_has_the_ratios_within_a_state():
    """EvalPlus's over ours, cold by cold and warm by warm; what was not measured is empty."""
    rows = [
        Row("mbpp", who, state, Took(wall, 4.0, 1000.0, ""))
        for who, state, wall in (
            (PEER, "cold", 30.0),
            (PEER, "warm", 20.0),
            ("ours, docker", "cold", 10.0),
            ("ours, bubblewrap", "warm", 2.0),
        )
    ]
    _, _, *lines = table(rows)
    assert lines[1:] == [
        "| mbpp | evalplus.evaluate | warm | 20.0 |  | 4.0 |  | 1,000 |  |",
        "| mbpp | ours, docker | cold | 10.0 | 3.0 x |  |  |  |  |",
        "| mbpp | ours, bubblewrap | warm | 2.0 | 10.0 x | 4.0 | 1.0 x | 1,000 | 1.0 x |",
    ]


@pytest.mark.slow
def test_a_small_run_beside_evalplus_agrees(data, monkeypatch, capsys):
    """Three tasks of each data set, all verdicts equal; needs EvalPlus in the environment that
    MCODE_PEERS names."""
    peers = Path(os.environ.get("MCODE_PEERS", "nowhere"))
    if not [*peers.glob("lib/python3*/site-packages/evalplus")]:
        pytest.skip("MCODE_PEERS names no environment with evalplus")
    options = [f"--peers={peers}", f"--data={data}", "--limit=3", "--sandboxes=docker"]
    monkeypatch.setattr("sys.argv", ["evalplus_peer", *options])
    assert main() == 0
    shown = capsys.readouterr().out
    sets = 3
    assert shown.count("| evalplus.evaluate | ") == 2 * sets
    assert shown.count("| ours, docker | ") == 3 * sets
    assert shown.count("| verdicts known | ") == shown.count(" s for programs that pass, ") == sets
