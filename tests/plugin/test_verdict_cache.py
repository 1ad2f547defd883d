"""`--mcode-verdict-cache`: what is verified once, and that it changes no row."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

pytestmark = pytest.mark.docker

SQL = (
    "SELECT a.task_id, a.sample, a.iteration, a.verdict, a.stdout, a.checks_run, a.mode, a.flaky,"
    " a.code, a.answer, a.program, CASE a.verdict WHEN 'timeout' THEN '' ELSE a.detail END,"
    " CASE a.verdict WHEN 'timeout' THEN '' ELSE a.feedback END FROM attempts a"
    " JOIN variants v USING (variant_id) WHERE v.run_id = (SELECT run_id FROM runs ORDER BY rowid"
    " DESC LIMIT 1) ORDER BY 1, 2, 3"
)
"""All of an attempt but times, memory and whether the cache was asked; of the newest run. Which of
its limits an endless loop meets first, CPU or wall, depends on what else the machine does."""
COUNTS = (
    "SELECT count(*), sum(cached), count(DISTINCT program), sum(program = '') FROM attempts"
    " WHERE run_id = (SELECT run_id FROM runs ORDER BY rowid DESC LIMIT 1)"
)


@pytest.fixture
def completions(data: Path) -> Path:
    """CodeGen-16B on HumanEval; the same short program comes up in many samples."""
    path = data / "completions" / "codegen16b_humaneval_n100" / "norm.jsonl.gz"
    if not path.exists():
        pytest.skip("needs ../shared/data")
    return path


@pytest.mark.slow
def test_real_completions_have_the_same_rows_with_and_without_it(run, database, completions):
    """80 real samples: off, in memory, from the database, and the latter with two workers. Status,
    detail, feedback and output are the same to the last byte; only how many ran differs."""
    rows, counts = {}, {}
    for name, mode, *workers in (
        ("off", "off"),
        ("memory", "run"),
        ("first", "store"),
        ("again", "store"),
        ("workers", "store", "-n2"),
    ):
        path = database.path.parent / f"{'store' if mode == 'store' else name}.db"
        result = run(
            "--mcode-bench=humaneval", f"--mcode-model=replay:{completions}", "--mcode-limit=8",
            "--mcode-samples=10", "--mcode-timeout=1", f"--mcode-verdict-cache={mode}",
            f"--mcode-db={path}", *workers,
        )  # fmt: skip
        assert result.ret == 0, result.stdout.str()
        rows[name] = type(database)(path).rows(SQL)
        ((attempts, *counts[name]),) = type(database)(path).rows(COUNTS)
        assert attempts == 80
        said = [line.strip() for line in result.outlines if "verdicts from the cache" in line]
        cached, _, empty = counts[name]
        told = f"verified {80 - empty - cached} programs, {cached} verdicts from the cache"
        assert said == ([told] if cached else [])
    assert all(rows[name] == rows["off"] for name in rows)
    cached, distinct, empty = counts["off"]
    assert cached == 0
    duplicates = 80 - empty - (distinct - bool(empty))
    assert duplicates > 0
    assert counts["memory"][0] == counts["first"][0] == duplicates
    assert counts["again"][0] == counts["workers"][0] == 80 - empty


def test_the_self_check_never_takes_a_verdict_from_it(run, pytester, database):
    """A wrong verdict of before spoils no proof: gold's rows are edited to failures, and the
    benchmark still proves itself, by running."""
    gold = ("--mcode-bench=tiny", "--mcode-model=gold", "--mcode-limit=2")
    assert run(*gold).ret == 0
    with sqlite3.connect(database.path) as raw:
        raw.execute("UPDATE attempts SET verdict = 'failed', detail = 'edited'")
        raw.execute("DELETE FROM self_checks")
    raw.close()
    result = run("--mcode-bench=tiny", "--mcode-self-check")
    result.stdout.fnmatch_lines(["*self-check tiny: gold 10/10 passed*"])
    result = run(*gold, "-v")  # and this one does take it, or the test would prove nothing
    result.stdout.fnmatch_lines(["*failed: edited*"])


def test_a_test_of_a_projects_own_takes_part(run, pytester, database):
    """`mcode_sandbox.verify` of the same source twice is one run and two recorded attempts."""
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.mcode(bench="tiny", model="gold", limit=1)
        def test_twice(mcode_task, mcode_sandbox):
            first, second = (mcode_sandbox.verify(mcode_task.reference) for _ in range(2))
            assert first.passed and second.passed
            assert (first.cached, second.cached) == (False, True)
        """
    )
    run("--mcode-verdict-cache=run").assert_outcomes(passed=1)
    assert database.rows("SELECT sum(cached), count(*) FROM attempts") == [(1, 2)]


def test_an_unknown_mode_is_refused(run):
    """One line names the legal ones, before anything runs."""
    result = run("--mcode-bench=tiny", "--mcode-model=gold", "--mcode-verdict-cache=always")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["*--mcode-verdict-cache='always' is not legal: it takes one of 'store', 'run', 'off'*"]
    )
