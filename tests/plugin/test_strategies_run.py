"""--mcode-strategy with the model that ships: rows, costs, names of rates; also under xdist."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from tests.plugin.model import Model

pytestmark = pytest.mark.docker
BASE = ("--mcode-bench=tiny", "--mcode-model=tiny", "--mcode-limit=3", "--mcode-samples=3")


@pytest.mark.parametrize(
    ("strategy", "rate", "roles", "workers"),
    [
        ("judge", "judge-selected", [("judge", 9)], ("-n2",)),
        ("majority", "maj@3", [], ()),
        ("majority", "maj@3", [], ("-n0",)),
        ("majority", "maj@3", [], ("-n2",)),
        ("mellea", "pass@2", [], ()),
        ("plan", "pass@2", [("planner", 9)], ("-n2",)),
        ("structured", "pass@2", [], ()),
    ],
)
def test_a_run_with_each_strategy(run, database, strategy, rate, roles, workers):
    """Draws, calls of other roles, sums with both, and the rates under their own names."""
    result = run(*BASE, f"--mcode-strategy={strategy}", *workers)
    assert result.ret == 0, result.stdout.str()
    result.stdout.fnmatch_lines([f"*({strategy})", f"*  {rate} *", "*  solved@3 *"])
    assert "infra" not in result.parseoutcomes()
    assert database.rows("SELECT count(*) FROM attempts WHERE iteration = 0") == [(9,)]
    assert database.rows("SELECT role, count(*) FROM calls GROUP BY role") == roles
    ((calls, tokens),) = database.rows("SELECT sum(calls), sum(prompt_tokens) FROM items")
    assert database.rows(
        "SELECT sum(calls), sum(prompt_tokens) FROM (SELECT calls, prompt_tokens FROM attempts"
        " UNION ALL SELECT calls, prompt_tokens FROM calls)"
    ) == [(calls, tokens)]
    assert tokens > 0
    chooses = strategy in ("judge", "majority")
    assert database.rows("SELECT DISTINCT chosen IS NOT NULL FROM items") == [(int(chooses),)]


@pytest.mark.parametrize("strategy", ["judge", "plan"])
def test_calls_of_other_roles_are_not_asked_twice_either(run, database, strategy):
    """A second run takes draws and calls from the database: no request, the same rows."""
    rows = []
    for _ in range(2):
        assert run(*BASE, f"--mcode-strategy={strategy}").ret == 0
        rows.append(
            database.rows(
                "SELECT task_id, sample, role, number, answer FROM calls WHERE run_id ="
                " (SELECT run_id FROM runs ORDER BY started DESC LIMIT 1) ORDER BY 1, 2, 3, 4"
            )
        )
    assert rows[0] == rows[1]
    assert len(rows[0]) == 9
    assert database.rows(
        "SELECT sum(calls), sum(reused) FROM calls WHERE run_id ="
        " (SELECT run_id FROM runs ORDER BY started DESC LIMIT 1)"
    ) == [(0, 9)]


def test_repairs_by_public_tests_are_named_so(run, database):
    """The prompt's examples drive the repairs: what they said is noted, and the report says so."""
    result = run(
        "--mcode-bench=humaneval", "--mcode-model=tiny", "--mcode-tasks=0,1,38",
        "--mcode-debug-iters=1", "--mcode-feedback=public", "--mcode-max-tokens=64",
    )  # fmt: skip
    assert result.ret == 0, result.stdout.str()
    result.stdout.fnmatch_lines(
        ["*solved by iteration j (feedback: public tests)", "*without public tests: 1 of 3 tasks*"]
    )
    noted = database.rows(
        "SELECT task_id, count(*), max(json_extract(notes, '$.public.verdict') = 'none')"
        " FROM attempts GROUP BY task_id ORDER BY task_id"
    )
    assert noted == [("HumanEval/0", 2, 0), ("HumanEval/1", 2, 0), ("HumanEval/38", 1, 1)]


def test_an_unknown_strategy_is_answered_with_the_choices(run):
    """One line, exit status 4, nothing is drawn."""
    result = run(*BASE, "--mcode-strategy=majorty")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*unknown strategy 'majorty': did you mean 'majority'?*"])


@pytest.mark.parametrize("strategy", ["judge", "mellea", "plan", "structured"])
def test_prose_is_not_asked_of_a_model_that_continues_text(run, strategy):
    """A planner of a completion model would be a continuation: refused before anything runs."""
    result = run(*BASE, f"--mcode-strategy={strategy}", "--mcode-prompt-style=completion")
    assert result.ret == 4
    result.stderr.fnmatch_lines([f"*--mcode-strategy={strategy} asks in prose*prompt-style=chat*"])


@pytest.mark.parametrize("strategy", ["best_of_n", "judge", "majority"])
def test_repairs_that_a_strategy_would_not_make_are_refused(run, database, strategy):
    """Else its draws would stand in the report as what they reach after repairs."""
    result = run(*BASE, f"--mcode-strategy={strategy}", "--mcode-debug-iters=0,1")
    assert result.ret == 4
    result.stderr.fnmatch_lines([f"*--mcode-strategy={strategy} repairs nothing*-iters=0"])


class Judging(Model):
    """Accepts eight of ten right programs and four of ten wrong ones."""

    def said(self, body):
        asked = body["messages"][-1]["content"]
        if "satisfies the requirement" not in asked:
            return super().said(body)
        right = "return 'no'" not in asked.partition("Output:")[2]
        drawn = random.Random(json.dumps([body["messages"], body["seed"]])).random()
        return "Yes." if drawn < (0.8 if right else 0.4) else "No."


def test_the_study_of_a_judge_says_how_far_it_agrees_with_the_tests(run, database):
    """The shipped study: table, agreement and kappa are those of the rows of the attempts."""
    study = Path(__file__).parents[2] / "ablations" / "judge.yaml"
    with Judging() as server:
        result = run(str(study), *server.options())
    assert result.ret == 0, result.stdout.str()
    counts = dict.fromkeys([(1, 1), (1, 0), (0, 1), (0, 0)], 0)
    for said, passed, draws in database.rows(
        "SELECT json_extract(notes, '$.judge'), verdict = 'passed', count(*) FROM attempts"
        " WHERE json_extract(notes, '$.judge') NOT NULL GROUP BY 1, 2"
    ):
        counts[said, passed] = draws
    a, b, c, d = counts.values()
    assert a + b + c + d == 50
    same, luck = (a + d) / 50, ((a + b) * (a + c) + (c + d) * (b + d)) / 50**2
    result.stdout.fnmatch_lines(
        [
            "judge * chosen",
            f"*They agree on {100 * same:.1f} % *of 50 judged draws;*",
            f"*judge accepts *{a} *{b}",
            f"*judge rejects *{c} *{d}",
            f"*agreement {100 * same:.1f} % *, Cohen's kappa {(same - luck) / (1 - luck):.2f} *",
        ]
    )
