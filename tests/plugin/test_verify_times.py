"""`--mcode-verify-times`: programs that pass only sometimes are found, named, and no pass."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.docker
TWO = "--mcode-tasks=even_square_sum,mirror_words"
TIMES = 20
"""Of a program that flips a coin, 20 runs are all alike once in 500,000 times."""
COIN = """    import os
    side = even_square_sum.__dict__.setdefault("side", os.urandom(1)[0] % 2)
    return side * sum(n * n for n in nums if n % 2 == 0)
"""
STEADY = '    return " ".join(w[::-1] for w in text.split())\n'


@pytest.fixture
def coin(pytester):
    """A replay file: a program that passes every other time, and one that always does."""
    rows = [
        {"task_id": "tiny/even_square_sum", "completion": COIN},
        {"task_id": "tiny/mirror_words", "completion": STEADY},
    ]
    path = pytester.path / "coin.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return f"--mcode-model=replay:{path}"


@pytest.mark.parametrize("workers", [(), ("-n0",), ("-n2",)], ids=["plain", "n0", "n2"])
def test_a_flaky_program_is_found_and_is_no_pass(run, database, coin, workers):
    """In real containers: unsolved, stored with how often it passed, named in summary and JUnit."""
    result = run(
        "--mcode-bench=tiny", coin, TWO, f"--mcode-verify-times={TIMES}", "--junitxml=j.xml", "-v",
        *workers,
    )  # fmt: skip
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "*even_square_sum*:",
            "*failed: flaky, passed * of 20, else failed: *",
            f"*each verified {TIMES} times",
            "*FLAKY verdicts: 1 (tiny/even_square_sum)*",
        ]
    )
    assert database.rows("SELECT task_id, solved, flaky FROM items ORDER BY 1") == [
        ("tiny/even_square_sum", 0, 1),
        ("tiny/mirror_words", 1, 0),
    ]
    ((verdict, flaky),) = database.rows("SELECT verdict, flaky FROM attempts WHERE flaky <> ''")
    assert verdict == "failed"
    assert flaky.startswith("passed ")
    assert flaky.endswith(f" of {TIMES}, else failed")
    junit = (database.path.parents[1] / "j.xml").read_text()
    assert junit.count('name="mcode_flaky" value="1"') == 1
    assert junit.count('name="mcode_flaky" value="0"') == 1
    report = run("--mcode-report")
    report.stdout.fnmatch_lines(["*FLAKY verdicts: 1 (tiny/even_square_sum)*"])


def test_it_asks_no_verdict_of_before(run, database, coin):
    """What an earlier run has stored counts for nothing, also under the same number of times."""
    for _ in range(2):
        run("--mcode-bench=tiny", coin, TWO, f"--mcode-verify-times={TIMES}")
    assert database.rows("SELECT count(*), sum(cached) FROM attempts") == [(4, 0)]
    assert database.rows("SELECT count(*) FROM attempts WHERE flaky <> ''") == [(2,)]


def test_it_is_part_of_the_fingerprint(run, database):
    """Passing three times in a row is more than passing once: the two runs are not the same."""
    for times in (1, 3):
        run("--mcode-bench=tiny", "--mcode-model=gold", TWO, f"--mcode-verify-times={times}")
    assert database.rows("SELECT count(DISTINCT fingerprint) FROM variants") == [(2,)]
    sql = "SELECT json_extract(settings, '$.verify_times') FROM variants ORDER BY 1"
    assert database.rows(sql) == [(1,), (3,)]
    sql = "SELECT json_extract(settings, '$.sandbox.host_factor') IN (1, 2, 4, 8) FROM variants"
    assert database.rows(sql) == [(1,), (1,)]
    assert database.rows("SELECT sum(solved) FROM items") == [(4,)]


def test_no_time_at_all_is_refused(run):
    """It takes a whole number of at least 1."""
    result = run("--mcode-bench=tiny", "--mcode-model=gold", "--mcode-verify-times=0")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["*--mcode-verify-times='0' is not legal: it takes a whole number*"]
    )
