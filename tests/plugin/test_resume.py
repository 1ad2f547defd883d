"""`--mcode-resume`: an interrupted run ends with the rows of an undisturbed one."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.contracts.llm_servers import Fault
from tests.plugin.model import TASKS, Model

pytestmark = pytest.mark.bubblewrap

GRID = ("--mcode-samples=1,3", "--mcode-debug-iters=1", "--mcode-concurrency=2")
ROWS = (
    "SELECT i.nodeid, i.state, i.solved, i.solved_by, i.samples_generated, i.error, a.sample,"
    " a.iteration, a.verdict, a.answer, a.prompt, a.options, a.prompt_tokens, a.completion_tokens,"
    " a.draw, a.code FROM items i LEFT JOIN attempts a USING (item_id) ORDER BY 1, 7, 8"
)
"""All that must not depend on whether the run was interrupted; times and calls may."""
DONE = "SELECT count(*) FROM items WHERE state = 'done'"


@pytest.fixture
def model():
    """The server of a test; it outlives the runs."""
    with Model(models=["m"]) as server:
        yield server


def started(folder: Path, *args: str) -> subprocess.Popen[bytes]:
    """pytest in the background, its output in `output.txt`."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *args]
    with (folder / "output.txt").open("w") as output:
        return subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT)


def eventually(what: Callable[[], bool], seconds: float = 120) -> bool:
    """Whether something comes true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with suppress(Exception):  # the database is being created
            if what():
                return True
        time.sleep(0.02)
    return False


def others_in(folder: Path) -> list[str]:
    """Processes that work in a folder, without this one: of a killed controller the workers go on
    for a moment, and write down what they draw."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cwd"):
        with suppress(OSError):  # gone meanwhile
            if place.readlink() == folder and place.parent.name != str(os.getpid()):
                found.append(place.parent.name)
    return found


def undisturbed(run, database, model):
    """The rows of a run that nobody interrupts."""
    path = database.path.parent / "undisturbed.db"
    assert run(*model.options(), *GRID, f"--mcode-db={path}").ret == 0
    return type(database)(path).rows(ROWS)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "xdist"])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_rows_after_a_resume_are_those_of_an_undisturbed_run(
    run, pytester, database, model, how, workers
):
    """The controller gets kill -9 or Ctrl-C; the same command with --mcode-resume runs the rest:
    no item twice, no stored draw asked again, one run of 20 items in database and summary."""
    model.latency = 0.2
    process = started(pytester.path, *model.options(), *GRID, *workers)
    assert eventually(lambda: 3 < database.rows(DONE)[0][0] < 15)
    process.send_signal(how)
    process.wait(timeout=120)
    assert eventually(lambda: not others_in(pytester.path.resolve()))
    ((kept,),) = database.rows(DONE)
    assert kept < 20
    measured = database.rows("SELECT item_id, recorded FROM items WHERE state = 'done'")
    stored = database.rows("SELECT draw FROM attempts UNION SELECT draw FROM draws")
    assert model.wait_idle()
    model.asked.clear()
    model.latency = 0
    result = run(*model.options(), *GRID, *workers, "--mcode-resume")
    assert result.ret == 0, result.stdout.str()
    items = "item" if kept == 1 else "items"
    result.stdout.fnmatch_lines([f"mcode: going on with run *, {kept} {items} done"])
    assert database.rows("SELECT count(*) FROM runs") == [(1,)]
    assert "INCOMPLETE" not in result.stdout.str()
    assert set(measured) <= set(database.rows("SELECT item_id, recorded FROM items"))
    everything = database.rows("SELECT DISTINCT draw FROM attempts")
    split = len(model.questions) - len(set(model.questions))  # two workers, one task: see the docs
    assert len(model.questions) - split == len(everything) - len(stored)
    assert workers or not split
    assert database.rows(ROWS) == undisturbed(run, database, model)


class Holding(Model):
    """Answers all but the first task's question; that one when it is let go."""

    def __init__(self) -> None:
        super().__init__(models=["m"])
        self.let_go = threading.Event()

    def _chat(self, body):
        if TASKS[0].stub.strip() in body["messages"][0]["content"]:
            self.let_go.wait(300)
        return super()._chat(body)


def test_answers_of_items_that_were_not_reported_are_not_asked_for_again(run, pytester, database):
    """kill -9 while pytest waits for its first item: no item is measured, but what others have
    drawn by then is on disk, and --mcode-resume asks for the one that is missing."""
    with Holding() as model:
        options = (*model.options(), "--mcode-concurrency=10", "--mcode-strategy=best_of_n")
        process = started(pytester.path, *options)
        drawn = "SELECT count(*), min(calls), sum(reused) FROM draws"
        assert eventually(lambda: database.rows(drawn)[0][0] == 9)
        process.kill()
        process.wait()
        assert database.rows(DONE) == [(0,)]
        model.let_go.set()
        assert model.wait_idle()
        model.asked.clear()
        assert run(*options, "--mcode-resume").ret == 0
        assert len(model.questions) == 1
    assert database.rows(DONE) == [(10,)]
    assert database.rows("SELECT count(*) FROM draws") == [(0,)]
    assert database.rows("SELECT sum(calls), sum(reused) FROM items") == [(10, 0)]


def test_what_an_interrupted_run_says_to_type_is_what_goes_on(run, pytester, database, model):
    """Ctrl-C: summary and report show how far it came and a command; that command ends the run."""
    model.latency = 0.2
    process = started(pytester.path, *model.options(), *GRID)
    assert eventually(lambda: database.rows(DONE)[0][0] > 1)
    process.send_signal(signal.SIGINT)
    output = pytester.path / "output.txt"
    assert process.wait(timeout=120) == 2, output.read_text()
    ((kept,),) = database.rows(DONE)
    said = output.read_text().splitlines()
    at = said.index(f"  INCOMPLETE, {kept} of 20 items done; to go on with it type")
    report = [line.rstrip() for line in run("--mcode-report").outlines]
    assert report[report.index(said[at]) + 1] == said[at + 1]
    words = shlex.split(said[at + 1])
    assert words[-1] == "--mcode-resume"
    assert "secret" not in said[at + 1]
    model.latency = 0
    os.environ["MCODE_API_KEY"] = "secret"
    try:
        result = pytester.runpytest_subprocess(*words[1:], timeout=240)
    finally:
        del os.environ["MCODE_API_KEY"]
    assert result.ret == 0, result.stdout.str()
    assert database.rows(DONE) == [(20,)]
    assert database.rows("SELECT count(*) FROM runs WHERE paused_s > 0") == [(1,)]


def test_a_complete_run_has_nothing_left(run, database, model):
    """Nothing is asked, the summary is shown, the exit status is 0, also with workers."""
    options = (*model.options(), "--mcode-limit=2")
    assert run(*options).ret == 0
    model.asked.clear()
    for workers in ((), ("-n2",)):
        result = run(*options, *workers, "--mcode-resume")
        assert result.ret == 0, result.stdout.str() + result.stderr.str()
        result.stdout.fnmatch_lines(["*2 of 2 tasks done, 0 infra*"])
        assert model.questions == []
    assert database.rows("SELECT count(*) FROM runs") == [(1,)]


def test_infra_items_run_again_and_only_what_failed_is_asked(run, database, model):
    """A server that failed twice: the resumed run asks for those two draws and is complete."""
    options = (*model.options(), "--mcode-limit=3", "--mcode-samples=2", "--mcode-retries=0")
    options = (*options, "--mcode-concurrency=1")
    model.faults = [Fault(status=400, text="no") for _ in range(2)]
    result = run(*options)
    assert result.ret == 1
    assert any("to go on with it type" in line for line in result.outlines)
    model.asked.clear()
    assert run(*options, "--mcode-resume").ret == 0
    assert len(model.questions) == 2
    assert database.rows("SELECT state, count(*) FROM items GROUP BY 1") == [("done", 3)]


def test_a_part_that_differs_is_named(run, database, model):
    """Other options than the last run's: one line with the part and the command; nothing is run."""
    options = (*model.options(), "--mcode-limit=1")
    assert run(*options).ret == 0
    for change, part in (
        ("--mcode-seed=3", "sampling.seed"),
        ("--mcode-samples=2", "samples"),
        ("--mcode-timeout=3", "limits.wall_s"),
        ("--mcode-tasks=mirror_words", "tasks"),
    ):
        result = run(*options, change, "--mcode-resume")
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines([f"*no run in * has these options*has another {part}: go on *"])
    assert database.rows("SELECT count(*) FROM runs") == [(1,)]


def test_data_that_changed_are_named(run, pytester, database):
    """The same options on a task file that was edited: refused with the part, the run stays."""
    row = json.dumps(
        {
            "task_id": "t/%d",
            "prompt": "def f():\n",
            "entry_point": "f",
            "canonical_solution": "    return 1\n",
            "test": "def check(c):\n    assert c() == 1\n",
        }
    )
    tasks = pytester.path / "tasks.jsonl"
    tasks.write_text(row % 0 + "\n")
    options = (f"--mcode-bench={tasks}", "--mcode-model=gold", "--mcode-sandbox=bubblewrap")
    assert run(*options).ret == 0
    before = database.rows("SELECT * FROM runs")
    tasks.write_text(row % 0 + "\n" + row % 1)
    result = run(*options, "--mcode-resume")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*was measured with another data.sha256*"])
    assert database.rows("SELECT * FROM runs") == before


def test_without_a_database_or_a_run_there_is_nothing_to_go_on_with(run, database):
    """One line each, and no file is made."""
    result = run("--mcode-bench=tiny", "--mcode-model=gold", "--mcode-resume")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--mcode-resume: *results.db does not exist*"])
    assert not database.path.exists()


def test_a_run_that_is_going_is_left_alone(run, pytester, database, model):
    """The same command in a second terminal is refused and names the process."""
    model.latency = 1
    process = started(pytester.path, *model.options(), *GRID)
    try:
        assert eventually(lambda: bool(database.rows("SELECT 1 FROM items")))
        result = run(*model.options(), *GRID, "--mcode-resume")
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines([f"*is still going (process {process.pid}): wait for it*"])
    finally:
        process.kill()
        process.wait()


def test_a_projects_own_tests_are_resumed(run, pytester, database):
    """Two tests that measure the same cells, one interrupted: the rest runs under its own name."""
    pytester.makepyfile(
        """
        import os, pytest

        @pytest.mark.mcode(bench="tiny", model="gold", limit=2)
        def test_first(mcode_attempt):
            mcode_attempt().check()

        @pytest.mark.mcode(bench="tiny", model="gold", limit=2)
        def test_second(mcode_attempt, mcode_task):
            if os.environ.get("INTERRUPT") and "mirror" in mcode_task.task_id:
                raise KeyboardInterrupt
            mcode_attempt().check()
        """
    )
    os.environ["INTERRUPT"] = "1"
    try:
        assert run("--mcode-sandbox=bubblewrap").ret == pytest.ExitCode.INTERRUPTED
    finally:
        del os.environ["INTERRUPT"]
    result = run("--mcode-sandbox=bubblewrap", "--mcode-resume")
    assert result.ret == 0, result.stdout.str()
    labels = "SELECT count(DISTINCT variant_id), count(*), sum(state = 'done') FROM items"
    assert database.rows(labels) == [(2, 4, 4)]


def test_the_key_is_not_stored(run, database, model):
    """Whichever way it is written on the command line."""
    options = [o for o in model.options() if "api-key" not in o]
    for key in (("--mcode-api-key=secret",), ("--mcode-api-key", "secret")):
        assert run(*options, "--mcode-limit=1", *key).ret == 0
    for (command,) in database.rows("SELECT command FROM runs"):
        assert "secret" not in command
        assert "--mcode-limit=1" in command
