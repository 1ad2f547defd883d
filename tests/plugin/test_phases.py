"""`--mcode-phase`: one machine draws, another verifies, and the rows are those of one run."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from tests.contracts.llm_servers import Fault
from tests.plugin.model import TASKS, Model

pytestmark = pytest.mark.bubblewrap

ROWS = (
    "SELECT i.nodeid, i.state, i.solved, i.chosen, i.solved_by, i.samples_generated, i.error,"
    " i.calls, i.prompt_tokens, i.completion_tokens, i.reused, a.sample, a.iteration, a.verdict,"
    " a.code, a.answer, a.prompt, a.options, a.calls, a.prompt_tokens, a.draw, a.notes, a.program"
    " FROM items i LEFT JOIN attempts a USING (item_id) ORDER BY 1, 12, 13"
)
CALLS = "SELECT task_id, sample, role, number, prompt, answer, calls, draw FROM calls ORDER BY 1, 2"
PRINTS = "SELECT label, fingerprint, settings FROM variants ORDER BY 1"
VARYING = r"(run|database|time|verified|per solved) "
KILLED = """
import os
left = int(os.environ.get("KILLED_AT", 0))
def pytest_runtest_logreport(report):
    global left
    left -= report.when == "call"
    if left == 0 and "KILLED_AT" in os.environ and "PYTEST_XDIST_WORKER" not in os.environ:
        os.kill(os.getpid(), 9)
"""
"""A conftest.py: the process that writes the database dies at once, after so many items."""


@pytest.fixture
def model():
    """The server of a test."""
    with Model(models=["m"]) as server:
        yield server


@pytest.fixture
def no_docker(monkeypatch):
    """The environment and option of a machine without any sandbox."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    return "--mcode-sandbox=docker"


def facts(database, path=None):
    """All that must not depend on how a run was divided."""
    read = type(database)(path) if path else database
    return read.rows(ROWS), read.rows(CALLS), read.rows(PRINTS)


def lasting(result):
    """A summary without what differs between two runs: ids, times and speeds, the cache."""
    told = result.outlines
    start = next(i for i, line in enumerate(told) if re.fullmatch("=+ mcode =+", line.strip()))
    told = [line.strip() for line in told[start:-1]]
    kept = [line for line in told if line and not re.match(VARYING, line)]
    return [re.sub(r"run \S+,", "run", line) for line in kept]


@pytest.mark.slow
def test_two_machines_killed_in_between_give_what_one_gives(
    run, pytester, database, model, no_docker, monkeypatch
):
    """Drawn by two workers where there is no sandbox, killed, gone on with; the file is carried to
    where there is no model, verified, killed, gone on with by two workers: rows, fingerprints and
    summary of an undivided run, and no question was asked in vain."""
    pytester.makeconftest(KILLED)
    grid = (*model.options(), "--mcode-samples=1,3")
    undivided = run(*grid, "--mcode-db=whole.db")
    whole = facts(database, pytester.path / "whole.db")
    model.asked.clear()

    monkeypatch.setenv("KILLED_AT", "6")
    assert run(*grid, no_docker, "--mcode-phase=generate", "-n2").ret != 0
    monkeypatch.delenv("KILLED_AT")
    ((before,),) = database.rows("SELECT count(*) FROM items WHERE waiting > 0")
    assert 0 < before < 20
    result = run(*grid, no_docker, "--mcode-phase=generate", "--mcode-resume")
    assert result.ret == 0
    result.stdout.fnmatch_lines([f"*{20 - before} drawn*"])
    assert database.rows("SELECT count(*), sum(waiting) FROM items WHERE waiting > 0") == [(20, 40)]

    carried = pytester.path / "carried.db"
    shutil.copy(database.path, carried)
    elsewhere = [option for option in grid if "base-url" not in option]
    grid = (*elsewhere, "--mcode-base-url=http://127.0.0.1:9/v1", f"--mcode-db={carried}")
    monkeypatch.setenv("KILLED_AT", "4")
    assert run(*grid, "--mcode-phase=verify").ret != 0
    monkeypatch.delenv("KILLED_AT")
    result = run(*grid, "--mcode-phase=verify", "-n2")
    assert result.ret == 0, result.stdout.str() + result.stderr.str()
    assert facts(database, carried) == whole
    assert lasting(result) == lasting(undivided)
    assert type(database)(carried).rows("SELECT count(*) FROM draws") == [(0,)]


def test_every_strategy_that_may_be_divided_asks_the_same(run, pytester, database, model):
    """A study of all six that ship: its rows and calls, drawn first and verified later."""
    names = ["self_debug", "best_of_n", "majority", "judge", "plan", "structured"]
    pytester.path.joinpath("all.yaml").write_text(
        f"name: all\nbenchmark: tiny\nmodel_id: m\nfixed:\n  samples: 2\n"
        f"vary:\n  strategy: {json.dumps(names)}\n"
    )
    options = (
        "all.yaml",
        "--mcode-limit=2",
        *(o for o in model.options() if not re.match(r"--mcode-(bench|model)", o)),
    )
    assert run(*options, "--mcode-db=whole.db").ret == 0
    assert run(*options, "--mcode-phase=generate").ret == 0
    result = run(*options, "--mcode-phase=verify")
    assert result.ret == 0, result.stdout.str() + result.stderr.str()
    assert facts(database) == facts(database, pytester.path / "whole.db")


def test_a_recording_is_not_needed_where_it_is_verified(run, pytester, database, wrong_answers):
    """Its file is gone; rows as of one run, and no later run finds what has no version."""
    options = (
        "--mcode-bench=tiny",
        f"--mcode-model=replay:{wrong_answers.name}",
        "--mcode-samples=2",
        "--mcode-tasks=tiny/even_square_sum,tiny/mirror_words",
        "--mcode-sandbox=bubblewrap",
    )
    assert run(*options, "--mcode-db=whole.db").ret == 0
    assert run(*options, "--mcode-phase=generate").ret == 0
    wrong_answers.unlink()
    assert run(*options, "--mcode-phase=verify").ret == 0
    assert facts(database) == facts(database, pytester.path / "whole.db")
    assert database.rows("SELECT DISTINCT draw FROM attempts") == [("",)]


def test_what_was_not_drawn_is_left_out_and_said(run, database, model):
    """A task whose request failed: the others are verified, the report says what to type, and
    after that the run is complete."""
    lost = TASKS[1].stub.strip()
    model.fault = lambda body: Fault(500) if lost in body["messages"][0]["content"] else None
    options = (*model.options(), "--mcode-limit=3", "--mcode-retries=0")
    assert run(*options, "--mcode-phase=generate").ret == 1
    result = run(*options, "--mcode-phase=verify")
    assert result.ret == 0
    said = [line.rstrip() for line in result.outlines]
    at = said.index("  INCOMPLETE, 2 of 3 items done; to go on with it type")
    assert said[at + 1].endswith("--mcode-phase=generate --mcode-resume")
    del model.fault
    assert run(*options, "--mcode-phase=generate", "--mcode-resume").ret == 0
    assert run(*options, "--mcode-phase=verify").ret == 0
    assert database.rows("SELECT state, count(*) FROM items GROUP BY 1") == [("done", 3)]
    result = run(*options, "--mcode-phase=verify")
    assert result.ret == 4
    said = "*--mcode-phase=verify: no draw of run * waits for it (3 items verified)*"
    result.stderr.fnmatch_lines([said])


def test_draws_that_wait_are_in_no_rate(run, pytester, database, model):
    """Terminal, Markdown, HTML, CSV and JUnit of a run that only drew: that they wait, no rate. The
    same run without phases finds them in the pool and asks nothing."""
    files = {name: pytester.path / name for name in ("a.md", "a.html", "a.xml")}
    options = (*model.options(), "--mcode-limit=2", "--mcode-samples=2")
    result = run(
        *options,
        "--mcode-fresh",
        "--mcode-phase=generate",
        "--mcode-md=a.md",
        "--mcode-html=a.html",
        "--mcode-csv=csv",
        "--junitxml=a.xml",
    )
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        ["mcode/tiny dd*", "*WAITING: 4 draws of 2 tasks not verified yet*", "*2 drawn in*"]
    )
    said = [line.strip() for line in result.outlines]
    verify = said[
        said.index("WAITING, 4 draws of 2 items not verified yet; to go on with it type") + 1
    ]
    assert verify.endswith("--mcode-phase=verify")
    assert "generate" not in verify
    assert "fresh" not in verify
    texts = {name: path.read_text() for name, path in files.items()}
    assert "WAITING: 4 draws" in texts["a.md"]
    assert "WAITING: 4 draws" in texts["a.html"]
    for text in (result.stdout.str(), *texts.values()):
        assert not re.search(r"pass@1\D{0,40}\d+\.\d\d", text)
    assert 'skipped="2"' in texts["a.xml"]
    assert (pytester.path / "csv" / "attempts.csv").read_text().count("\n") == 1
    assert database.rows("SELECT total, passed, pass_rate FROM pass_rates") == [(0, 0, None)]
    assert database.rows("SELECT count(*) FROM attempts") == [(0,)]
    model.asked.clear()
    assert run(*options).ret == 0
    assert model.questions == []
    assert database.rows("SELECT count(*), sum(reused) FROM items WHERE state = 'done'") == [(2, 4)]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["generate", "--mcode-debug-iters=0,1"], "*a repair needs the verdict*"),
        (["generate", "--mcode-fail-under=0.5"], "*ask for the gate with --mcode-phase=verify*"),
        (["verify"], "*--mcode-phase=verify: */results.db does not exist*"),
    ],
)
def test_what_cannot_be_divided_is_refused_in_a_line(run, options, said):
    """Exit status 4 before anything is drawn."""
    named = ("--mcode-bench=tiny", "--mcode-model=gold", f"--mcode-phase={options[0]}")
    result = run(*named, *options[1:])
    assert result.ret == 4
    result.stderr.fnmatch_lines([f"ERROR: mcode: {said}"])


def test_a_test_that_verifies_by_itself_is_left_out(run, pytester):
    """Skipped in both phases; one with mcode_attempt is drawn, and passes when it is verified."""
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.mcode(bench="tiny", limit=1)
        def test_by_itself(mcode_task, mcode_sandbox):
            assert mcode_sandbox.verify(mcode_task.reference).passed

        @pytest.mark.mcode(bench="tiny", limit=1)
        def test_attempt(mcode_attempt):
            assert mcode_attempt().solved
        """
    )
    own = (".", "--mcode-model=gold", "--mcode-sandbox=bubblewrap", "-rs")
    result = run(*own, "--mcode-phase=generate")
    result.stdout.fnmatch_lines(["*asks or verifies by itself*", "*1 skipped, 1 drawn*"])
    result = run(*own, "--mcode-phase=verify")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*1 of 1 task done*", "*1 passed, 1 skipped*"])
