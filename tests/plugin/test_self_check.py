"""The first law: no number of a benchmark whose machinery has not proved itself on its data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.docker

GOOD = {
    "task_id": "own/0",
    "prompt": 'def double(n):\n    """Twice n."""\n',
    "entry_point": "double",
    "canonical_solution": "    return 2 * n\n",
    "test": "def check(candidate):\n    assert candidate(2) == 4\n    assert candidate(0) == 0\n",
}


def write(folder: Path, *rows: dict[str, str]) -> str:
    path = folder / "own.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return f"--mcode-bench={path}"


def test_a_file_in_humanevals_format_is_a_benchmark(run, pytester, database):
    """A JSON-lines file named by its path is proved, collected and measured."""
    result = run(write(pytester.path, GOOD), "--mcode-model=gold", "-v")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*mcode/own::test_own?own/0-gold-n1-d0? PASSED*"])
    assert database.rows("SELECT benchmark FROM variants") == [("own",)]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"canonical_solution": "    return 3 * n\n"}, "the reference solution does not pass"),
        ({"test": "def check(candidate):\n    assert candidate\n"}, "wrong answer passes"),
    ],
    ids=["wrong-reference", "weak-tests"],
)
def test_a_benchmark_that_fails_its_self_check_gives_no_number(
    run, pytester, database, change, reason
):
    """A wrong reference, or tests that any answer passes: refused before the first item."""
    bench = write(pytester.path, {**GOOD, **change})
    result = run(bench, "--mcode-model=gold")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*FAILED on 1 of 1 task (*no number of it can be believed*"])
    assert database.rows("SELECT count(*) FROM items") == [(0,)]
    shown = run("--mcode-self-check", bench)
    assert shown.ret == 1
    shown.stdout.fnmatch_lines([f"*own/0: *{reason}*"])


def test_tests_that_assert_nothing_are_refused(run, pytester):
    """A task without a check is malformed data, named by file and line."""
    row = {**GOOD, "test": "def check(candidate):\n    candidate(1)\n"}
    result = run(write(pytester.path, row), "--mcode-model=gold")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*own.jsonl:1*"])


def test_a_passed_self_check_is_remembered_for_the_same_data(run, pytester):
    """The second run says so; other data are proved anew."""
    bench = write(pytester.path, GOOD)
    run(bench, "--mcode-model=gold").stdout.no_fnmatch_line("*(remembered)*")
    run(bench, "--mcode-model=gold").stdout.fnmatch_lines(["*self-check own*(remembered)*"])
    other = {**GOOD, "task_id": "own/1"}
    again = run(write(pytester.path, GOOD, other), "--mcode-model=gold")
    again.stdout.no_fnmatch_line("*(remembered)*")


def test_the_command_proves_a_benchmark(run):
    """--mcode-self-check prints one line per benchmark and ends with 0."""
    result = run("--mcode-self-check", "--mcode-bench=tiny")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["self-check tiny: gold 10/10 passed, garbage and empty*0/10"])


def test_ctrl_c_ends_the_command_with_a_line(run, pytester):
    """As it ends a run: exit status 2 and no traceback."""
    pytester.makeconftest(
        """
        import signal

        class Mine:
            name = "mine"
            def __init__(self, argument): pass
            def load(self, data): signal.raise_signal(signal.SIGINT)
            def program(self, task, code, limits): pass

        def pytest_mcode_benchmarks(): return {"mine": Mine}
        """
    )
    result = run("--mcode-self-check", "--mcode-bench=mine")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["--mcode-self-check: interrupted"])
    assert "Traceback" not in result.stderr.str()
