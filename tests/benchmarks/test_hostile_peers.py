"""The table of methods can be made again: on a few programs, with whoever is here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pytest_mcode.core.errors import InfraError
from pytest_mcode.sandboxes.docker import connect

from .hostile_peers import Outcome, row

ROOT = Path(__file__).parents[2]


def test_a_row_counts_each_thing_that_can_go_wrong(capsys):
    """Once, under its own head, and the names are told; two expectations are no false fail."""
    wrong, right = ["error"], ["passed"]
    seen = [
        Outcome("a", wrong, "pass", "pass"),
        Outcome("b", right, "fail", "pass"),
        Outcome("c", wrong, "hangs", "hangs"),
        Outcome("d", wrong, "dies", "dies"),
        Outcome("e", wrong, "fail", "dies"),
        Outcome("f", wrong, "fail", "pass"),
        Outcome("g", right, "pass", "pass"),
    ]
    assert row("x", seen) == "| x | 1 | 1 | 1 | 1 | 1 |"
    told = capsys.readouterr().err.splitlines()
    assert [line.rpartition(" ")[2] for line in told] == ["a", "b", "c", "d", "e"]


@pytest.mark.docker
@pytest.mark.bubblewrap
@pytest.mark.slow
def test_a_program_that_exits_passes_by_its_status_and_not_here():
    """The exit-code method is fooled, both sandboxes are not; the absent peers are named."""
    try:
        connect().close()
    except InfraError as error:
        pytest.skip(str(error))
    command = [sys.executable, "-m", "tests.benchmarks.hostile_peers", "--only"]
    done = subprocess.run(
        [*command, "exit_sys", "honest_bool"],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "1 programs that must not pass, 1 that must" in done.stdout
    assert (
        "| exit status of `python file.py`, a container each | 1 | 0 | 0 | 0 | 0 |" in done.stdout
    )
    for name in ("docker", "bubblewrap"):
        assert f"| **pytest-mcode, {name}** | 0 | 0 | 0 | 0 | 0 |" in done.stdout
    assert done.stdout.count("skipped: python3 -m venv") == 2
