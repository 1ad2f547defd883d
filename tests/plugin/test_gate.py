"""`--mcode-gate`, `--mcode-fail-under` and their company, as a user meets them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys

import pytest

pytestmark = pytest.mark.docker

TINY = ("--mcode-bench=tiny", "--mcode-samples=2")
EASY = "--mcode-max-drop=0.3"
"""Ten tasks can show no less."""
XDIST = pytest.mark.parametrize("workers", [(), ("-n0",), ("-n2",)], ids=["alone", "n0", "n2"])


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A folder with `base.json`, which says that gold solved all of tiny, and its `base.db`; made
    once, as a user makes it."""
    folder = tmp_path_factory.mktemp("measured")
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("MCODE_", "PYTEST_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *TINY, "--mcode-model=gold",
         "--mcode-gate-export=base.json", "--mcode-db=base.db"],
        cwd=folder, env=clean, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "baseline written to base.json" in done.stdout
    return folder


@pytest.fixture
def baseline(measured, pytester):
    """The file in the folder of the test, with its database."""
    shutil.copytree(measured, pytester.path, dirs_exist_ok=True)
    return pytester.path / "base.json"


@XDIST
def test_held_regression_and_what_the_database_keeps(run, database, baseline, workers):
    """The same model holds with status 0, a model that solves nothing is a regression with 1, both
    decided last, and stored with the run."""
    held = run(*TINY, "--mcode-model=gold", f"--mcode-gate={baseline}", EASY, *workers)
    assert held.ret == 0, held.stdout.str()
    held.stdout.fnmatch_lines(["GATE HELD: the drop is shown to be smaller than accepted"])
    lost = run(*TINY, "--mcode-model=garbage", f"--mcode-gate={baseline}", EASY, *workers)
    assert lost.ret == 1
    lost.stdout.fnmatch_lines(
        ["*differs from the baseline: model.backend (gold, now garbage)*", "GATE REGRESSION: *"]
    )
    kept = database.rows("SELECT status, baseline, record FROM gates ORDER BY decided")
    assert [row[:2] for row in kept] == [("held", "base.json"), ("regression", "base.json")]
    (cell,) = json.loads(kept[1][2])["judgements"]
    assert (cell["old"], cell["new"], len(cell["lost"])) == (1.0, 0.0, 10)


def test_too_little_power_is_inconclusive_and_said_before(run, baseline):
    """Ten tasks cannot show five points: status 20, and a line before the run names what can."""
    result = run(*TINY, "--mcode-model=gold", f"--mcode-gate={baseline}")
    assert result.ret == 20
    result.stdout.fnmatch_lines(
        ["mcode: gate *hopeless*", "collected 10 items", "GATE INCONCLUSIVE: *"]
    )


@XDIST
def test_infra_is_inconclusive_whatever_the_rest_says(run, baseline, wrong_answers, workers):
    """A recording without eight of the tasks: 20 and no green, though nothing else changed."""
    result = run(
        *TINY, f"--mcode-model=replay:{wrong_answers}", f"--mcode-gate={baseline}",
        "--mcode-max-drop=1", *workers,
    )  # fmt: skip
    assert result.ret == 20
    result.stdout.fnmatch_lines(["GATE INCONCLUSIVE: INFRA: the machinery failed on 8 of 10 tasks"])


def test_an_interrupted_run_is_inconclusive_and_a_resumed_one_decides(run, baseline):
    """-x leaves tasks out: 20. With --mcode-resume the rest is measured and decided on."""
    command = (*TINY, "--mcode-model=garbage", f"--mcode-gate={baseline}", EASY)
    first = run(*command, "-x")
    assert first.ret == 20
    first.stdout.fnmatch_lines(["GATE INCONCLUSIVE: INCOMPLETE: 1 of 10 tasks measured"])
    second = run(*command, "--mcode-resume")
    assert second.ret == 1
    second.stdout.fnmatch_lines(["*10 of 10 tasks; 0 won, 10 lost", "GATE REGRESSION: *"])
    third = run(*command, "--mcode-resume")  # nothing is left to do
    assert third.ret == 1


def test_a_failed_test_of_the_project_stays_a_failure(run, pytester, baseline):
    """The gate holds, an ordinary test does not: status 1."""
    pytester.makepyfile(test_own="def test_own(): assert False")
    command = (*TINY, "--mcode-model=gold", f"--mcode-gate={baseline}", EASY, "test_own.py")
    result = run(*command)
    result.stdout.fnmatch_lines(["GATE HELD: *"])
    assert result.ret == 1


def test_nothing_evaluated_is_not_green(run, baseline):
    """No benchmark at all, or none of its tasks: 20. Named in the ini file, a gate leaves runs
    alone that measure nothing."""
    alone = run(f"--mcode-gate={baseline}")
    assert alone.ret == 20
    alone.stdout.fnmatch_lines(["GATE INCONCLUSIVE: nothing was evaluated: give --mcode-bench*"])
    none = run(*TINY, "--mcode-model=gold", f"--mcode-gate={baseline}", "-k", "no_such_task")
    assert none.ret == 20


def test_a_gate_of_the_ini_file_does_not_touch_ordinary_runs(run, pytester, baseline):
    """`mcode_gate` in the project's ini: its own tests pass as before, a benchmark is gated."""
    pytester.makeini(f"[pytest]\nmcode_gate = {baseline}\nmcode_max_drop = 0.3\n")
    pytester.makepyfile(test_own="def test_own(): pass")
    ordinary = run("test_own.py")
    assert ordinary.ret == 0
    ordinary.stdout.no_fnmatch_line("*GATE*")
    assert run(*TINY, "--mcode-model=garbage").ret == 1


def test_the_model_is_asked_anew(run, database, pytester):
    """A gate with the baseline's own draws would see no change of the model; so none is taken,
    unless --mcode-pool is given, and then the decision says so."""
    command = ("--mcode-bench=tiny", "--mcode-limit=2", "--mcode-model=tiny", "--mcode-seed=3")
    assert run(*command, "--mcode-gate-export=two.json").ret == 0
    gated = run(*command, "--mcode-gate=two.json", "--mcode-max-drop=1")
    gated.stdout.no_fnmatch_line("*drawn by an earlier run*")
    count = "SELECT sum(reused) FROM items GROUP BY run_id ORDER BY run_id"
    assert database.rows(count) == [(0,), (0,)]
    pooled = run(*command, "--mcode-gate=two.json", "--mcode-max-drop=1", "--mcode-pool=store")
    pooled.stdout.fnmatch_lines(["drawn by an earlier run: 2 of 2 answers*"])


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "n2"])
def test_early_runs_no_more_than_it_needs(run, database, pytester, workers):
    """120 tasks that all drop: the first look ends the run, the rest stays planned; --mcode-resume
    changes nothing any more, and the report comes to the same decision."""
    rows = [json.dumps(_task(i)) for i in range(120)]
    (pytester.path / "many.jsonl").write_text("\n".join(rows) + "\n")
    bench = "--mcode-bench=many.jsonl"
    assert run(bench, "--mcode-model=gold", "--mcode-db=base.db").ret == 0
    command = (bench, "--mcode-model=garbage", "--mcode-gate=base.db", "--mcode-gate-early")
    early = run(*command, *workers)
    assert early.ret == 1
    line = "GATE REGRESSION: stopped after 24 of 120 tasks: the drop is significant"
    early.stdout.fnmatch_lines(["  stopped by the gate after 24 of 120 tasks (regression)", line])
    assert "to go on with it type" not in early.stdout.str()
    ((done,),) = database.rows("SELECT count(*) FROM items WHERE state = 'done'")
    assert 24 <= done < 120
    resumed = run(*command, *workers, "--mcode-resume")
    assert resumed.ret == 1
    resumed.stdout.fnmatch_lines([line])
    report = run("--mcode-report", "--mcode-gate=base.db", "--mcode-gate-early")
    assert report.ret == 1
    report.stdout.fnmatch_lines([line])


def _task(number: int) -> dict[str, str]:
    name = f"add_{number}"
    return {
        "task_id": f"many/{number}",
        "prompt": f'def {name}(x):\n    """x and {number} together."""\n',
        "canonical_solution": f"    return x + {number}\n",
        "test": f"def check(candidate):\n    assert candidate(1) == {number + 1}\n",
        "entry_point": name,
    }


def test_early_holds_the_order_of_the_seed(run, pytester, baseline):
    """The items run in the order that the seed draws; the ids stay what they are."""
    command = (*TINY, "--mcode-model=gold", "--collect-only", "-q", f"--mcode-gate={baseline}")
    plain = [line for line in run(*command).outlines if "::" in line]
    drawn = [line for line in run(*command, "--mcode-gate-early").outlines if "::" in line]
    assert plain != drawn
    assert sorted(plain) == sorted(drawn)
    two = (*command, "--mcode-gate-early", "--mcode-model=gold,garbage")
    models = [re.findall("gold|garbage", line) for line in run(*two).outlines if "::" in line]
    assert models == [["gold"]] * 10 + [["garbage"]] * 10  # one model after another, as ever
    other = run(*command, "--mcode-gate-early", "--mcode-seed=1").outlines
    assert [line for line in other if "::" in line] != drawn


@XDIST
def test_a_refusal_after_planning_is_one_line_and_no_summary(run, database, baseline, workers):
    """Other sampling than the baseline's is seen when the plan is written and the database let go:
    one line says why, nothing reports on what was never measured, and no item is kept."""
    options = ("--mcode-model=gold", f"--mcode-gate={baseline}", "--mcode-temperature=0.1")
    result = run(*TINY, *options, "--mcode-gate-export=new.json", *workers)
    assert result.ret == 4
    said = result.stdout.str() + result.stderr.str()
    assert said.count("another sampling.temperature (0.8, now 0.1)") == 1
    for wrong in ("no summary", "closed", "mcode gate", "baseline written", "Traceback"):
        assert wrong not in said
    assert database.rows("SELECT count(*) FROM items") == [(0,)]


def test_stored_runs_are_decided_on_without_running(run, baseline):
    """--mcode-report --mcode-gate takes the newest run, or the one that --mcode-run names."""
    run(*TINY, "--mcode-model=gold")
    run(*TINY, "--mcode-model=garbage")
    newest = run("--mcode-report", f"--mcode-gate={baseline}", EASY)
    assert newest.ret == 1
    newest.stdout.fnmatch_lines(["GATE REGRESSION: *"])
    held = run("--mcode-report", "--mcode-model=gold", f"--mcode-gate={baseline}", EASY)
    assert held.ret == 0
    ids = re.findall(r"^run (\S+):", held.stdout.str(), re.M)
    against = run("--mcode-report", f"--mcode-gate={ids[0]}", EASY)
    assert against.ret == 1
    against.stdout.fnmatch_lines([f"against run {ids[0]}: *", "GATE REGRESSION: *"])
    itself = run("--mcode-report", f"--mcode-gate={ids[0]}", f"--mcode-run={ids[0]}")
    assert itself.ret == 4
    itself.stderr.fnmatch_lines(["*no run in * matches that could be held against*"])


def test_a_stored_run_becomes_a_baseline(run, pytester, baseline):
    """--mcode-report --mcode-gate-export writes the same file as the run itself."""
    path = pytester.path / "again.json"
    result = run("--mcode-report", "--mcode-db=base.db", f"--mcode-gate-export={path}")
    assert result.ret == 0
    assert path.read_text() == baseline.read_text()


def test_fail_under_is_the_simple_form(run):
    """At or above the floor 0, below it 1; it says that it has no control of errors."""
    above = run(*TINY, "--mcode-model=gold", "--mcode-fail-under=0.7")
    assert above.ret == 0
    above.stdout.fnmatch_lines(["*no control of errors*", "GATE HELD: *"])
    below = run(*TINY, "--mcode-model=garbage", "--mcode-fail-under=0.7", "-n2")
    assert below.ret == 1
    below.stdout.fnmatch_lines(["GATE BELOW: the estimate is below the floor"])


def test_an_interrupted_run_is_no_baseline(run, pytester):
    """Nothing is written, a line says why, and the status is 1."""
    result = run(*TINY, "--mcode-model=garbage", "-x", "--mcode-gate-export=base.json")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*is incomplete*no baseline was written*--mcode-resume*"])
    assert not (pytester.path / "base.json").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--mcode-gate=none.json",), "*--mcode-gate=none.json: there is no such file or run*"),
        (("--mcode-gate=README",), "*--mcode-gate=README: there is no such file or run*"),
        (("--mcode-gate=broken.json",), "*neither JSON nor a results database*"),
        (("--mcode-gate=base.json", "--mcode-temperature=0"), "*sampling.temperature (0.8, now 0*"),
        (("--mcode-gate=base.json", "--mcode-timeout=3"), "*limits.wall_s (10.0, now 3.0)*"),
        (("--mcode-gate=base.json", "--mcode-debug-iters=2"), "*none with its benchmark and rep*"),
        (("--mcode-gate=base.json", "--mcode-alpha=0"), "*--mcode-alpha='0' is not legal*"),
        (("--mcode-gate=base.json", "--mcode-max-drop=5"), "*--mcode-max-drop='5' is not legal*"),
        (("--mcode-fail-under=70",), "*--mcode-fail-under='70' is not legal*a number from 0 to 1"),
        (("--mcode-gate-early",), "*--mcode-gate-early needs a baseline*"),
        (
            ("--mcode-gate=base.json", "--mcode-gate-early", "--mcode-fail-under=0.5"),
            "*--mcode-gate-early leaves tasks out*",
        ),
        (
            ("--mcode-gate=base.json", "--mcode-gate-export=base.json"),
            "*lets it sink drop by drop*",
        ),
        (("--mcode-gate-export=no/such/base.json",), "*a folder that exists*"),
    ],
)
def test_what_cannot_be_gated_is_told_before_anything_is_drawn(
    run, pytester, database, baseline, options, said
):
    """One line with the cure, status 4, and no row of any measurement."""
    (pytester.path / "broken.json").write_text("{")
    result = run(*TINY, "--mcode-model=gold", *options)
    assert result.ret == 4
    result.stderr.fnmatch_lines([f"ERROR: mcode: {said}"])
    assert sum("mcode:" in line for line in result.errlines) == 1
    assert "no summary" not in result.stdout.str()
    if database.path.exists():
        assert database.rows("SELECT count(*) FROM items") == [(0,)]
