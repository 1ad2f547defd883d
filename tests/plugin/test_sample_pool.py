"""`--mcode-pool` and `--mcode-fresh`: what reaches the server, and what the rows then say."""

from __future__ import annotations

import pytest

from tests.plugin.model import Model

pytestmark = pytest.mark.bubblewrap

ROWS = (
    "SELECT v.label, a.task_id, a.sample, a.iteration, a.verdict, a.answer, a.prompt, a.options"
    " FROM attempts a JOIN variants v USING (variant_id) WHERE a.run_id ="
    " (SELECT run_id FROM runs ORDER BY rowid DESC LIMIT 1) ORDER BY 1, 2, 3, 4"
)
"""All of the newest run's attempts that must not depend on who drew them."""
NOTE = "(no calls, tokens or time)"
GRID = ("--mcode-samples=1,2,5,10", "--mcode-debug-iters=0,1,3", "--mcode-limit=3")


@pytest.fixture
def model():
    """The server of a test."""
    with Model(models=["m"]) as server:
        yield server


def drawn(result):
    """The lines of a summary that say where its draws came from."""
    return [line.strip() for line in result.outlines if line.strip().startswith("drawn ")]


def test_a_grid_costs_its_largest_cell_once_and_later_nothing(run, database, model):
    """Twelve cells: what the cell of 10 samples and 3 repairs needs, each question once. The same
    grid again asks nothing and stores the same rows, alone and with two workers."""
    assert run(*model.options(), *GRID).ret == 0
    first = database.rows(ROWS)
    ((largest,),) = database.rows(
        "SELECT count(*) FROM attempts JOIN variants USING (variant_id)"
        " WHERE samples = 10 AND debug_iters = 3"
    )
    assert 30 < largest < 120
    assert len(model.questions) == len(set(model.questions)) == largest
    for workers in ((), ("-n2",)):
        model.asked.clear()
        result = run(*model.options(), *GRID, *workers)
        assert result.ret == 0, result.stdout.str()
        assert model.questions == []
        assert database.rows(ROWS) == first
        assert f"drawn 0, taken from the database {largest} {NOTE}" in drawn(result)
    sums = "SELECT sum(calls), sum(prompt_tokens), sum(reused = attempts) FROM items WHERE run_id ="
    assert database.rows(f"{sums} (SELECT max(run_id) FROM runs)") == [(0, 0, 36)]


def test_two_workers_ask_twice_only_where_a_task_is_split(run, database, model):
    """Cells of a task stand together, so the workers share at most the tasks at their borders."""
    assert run(*model.options(), *GRID, "-n2").ret == 0
    twice = len(model.questions) - len(set(model.questions))
    ((most,),) = database.rows(
        "SELECT max(n) FROM (SELECT count(*) AS n FROM attempts JOIN variants USING (variant_id)"
        " WHERE samples = 10 AND debug_iters = 3 GROUP BY task_id)"
    )
    assert twice <= 2 * most


def test_more_samples_and_repairs_draw_what_is_missing(run, database, model):
    """From 2 samples to 4: two more of each task; the summary says how many of each."""
    small = (*model.options(), "--mcode-limit=2")
    assert run(*small, "--mcode-samples=2").ret == 0
    assert len(model.questions) == 4
    result = run(*small, "--mcode-samples=4")
    assert len(model.questions) == len(set(model.questions)) == 8
    assert drawn(result) == [f"drawn 4, taken from the database 4 {NOTE}"]
    result.stdout.fnmatch_lines(["*tokens: 28 prompt, 20 completion, 4 calls*"])
    assert drawn(run("--mcode-report", "--mcode-samples=4")) == drawn(result)


@pytest.mark.parametrize("option", ["--mcode-fresh", "--mcode-pool=run", "--mcode-pool=off"])
def test_a_run_may_draw_anew(run, database, model, option):
    """Nothing is taken from the run before; with `off` not even from another cell."""
    options = (*model.options(), "--mcode-limit=1", "--mcode-samples=1,2")
    assert run(*options).ret == 0
    before = database.rows(ROWS)
    model.asked.clear()
    result = run(*options, option)
    assert result.ret == 0
    assert len(model.questions) == (3 if option.endswith("off") else 2)
    assert drawn(result) == []
    assert database.rows(ROWS) == before


@pytest.mark.parametrize("change", ["--mcode-seed=1", "--mcode-temperature=0.2"])
def test_another_sampling_is_another_draw(run, model, change):
    """Another seed or temperature: nothing of before is taken."""
    options = (*model.options(), "--mcode-limit=1")
    run(*options)
    run(*options, change)
    assert len(model.questions) == 2


def test_an_infra_error_is_never_taken_for_an_answer(run, database, model):
    """A server that fails: infra; the next run asks again for that draw, and for no other."""
    from tests.contracts.llm_servers import Fault

    model.faults = [Fault(status=400, text="no")]
    options = (*model.options(), "--mcode-limit=1", "--mcode-samples=3", "--mcode-retries=0")
    assert run(*options).ret == 1
    assert len(model.questions) == 3
    assert run(*options).ret == 0
    assert len(model.questions) == 4
    assert len(set(model.questions)) == 3
    sql = "SELECT state, attempts, reused, calls FROM items ORDER BY rowid DESC LIMIT 1"
    assert database.rows(sql) == [("done", 3, 2, 1)]


def test_recordings_and_references_are_not_looked_up(run, database):
    """gold draws nothing: no digest is stored and nothing counts as taken."""
    for _ in range(2):
        assert run("--mcode-bench=tiny", "--mcode-model=gold", "--mcode-limit=2").ret == 0
    assert database.rows("SELECT max(draw), sum(reused) FROM attempts") == [("", 0)]


def test_an_unknown_pool_is_refused(run):
    """One line names the legal ones, before anything runs."""
    result = run("--mcode-bench=tiny", "--mcode-model=gold", "--mcode-pool=always")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["*--mcode-pool='always' is not legal: it takes one of 'store', 'run', 'off'*"]
    )
