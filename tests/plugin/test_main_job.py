"""The main job: a benchmark becomes items, items become rows, rows become a summary."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.docker
TWO = "--mcode-tasks=even_square_sum,mirror_words"


def test_gold_passes_and_lands_in_the_database(run, database):
    """Gold solves every task of tiny: exit status 0, one row per item and attempt, a summary."""
    result = run("--mcode-bench=tiny", "--mcode-model=gold")
    result.assert_outcomes(passed=10)
    assert result.ret == 0
    assert database.rows("SELECT count(*), sum(solved) FROM items") == [(10, 10)]
    assert database.rows("SELECT count(*) FROM attempts WHERE verdict = 'passed'") == [(10,)]
    result.stdout.fnmatch_lines(["*self-check tiny: gold 10/10 passed*", "*pass@1*100.00*"])


def test_unsolved_tasks_are_a_finished_measurement(run, database):
    """Garbage solves nothing: shown as unsolved, no FAILURES wall, exit status still 0."""
    result = run("--mcode-bench=tiny", "--mcode-model=garbage", "-v")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*UNSOLVED*", "*10 unsolved*"])
    result.stdout.fnmatch_lines(
        ["mcode/tiny::test_tiny?tiny/clamp_all-garbage-n1-d0?:", "    failed: *"], consecutive=True
    )
    result.stdout.no_fnmatch_line("*= FAILURES =*")
    assert database.rows("SELECT sum(solved) FROM items") == [(0,)]


def test_samples_and_grid_are_visible_in_the_ids(run):
    """Comma lists are the full grid, and every cell stands in its item's id."""
    result = run(
        "--mcode-bench=tiny", "--mcode-model=gold,garbage", "--mcode-samples=1,5",
        "--mcode-debug-iters=0,3", "--mcode-limit=1", "--collect-only", "-q",
    )  # fmt: skip
    ids = [line for line in result.outlines if line.startswith("mcode/")]
    cells = [f"{m}-n{n}-d{d}" for m in ("gold", "garbage") for n in (1, 5) for d in (0, 3)]
    assert ids == [f"mcode/tiny::test_tiny[tiny/even_square_sum-{cell}]" for cell in cells]


def test_every_way_of_running_gives_the_same_rows(run, database, wrong_answers, pytester):
    """Without xdist, with -n 0, -n 2 and -n 8 the attempts in the database are the same."""
    seen = []
    for workers in ((), ("-n0",), ("-n2",), ("-n8",)):
        path = pytester.path / f"rows{len(seen)}.db"
        result = run(
            "--mcode-bench=tiny", f"--mcode-model=replay:{wrong_answers},gold", TWO,
            "--mcode-samples=2", f"--mcode-db={path}", *workers,
        )  # fmt: skip
        assert result.ret == 0, result.stdout.str()
        seen.append(type(database)(path).verdicts())
    assert len(seen[0]) == 8
    assert all(rows == seen[0] for rows in seen)


def test_best_of_two_solves_what_one_sample_does_not(run, database, wrong_answers):
    """Sample 1 of mirror_words is right: pass@1 is 75 %, solved@2 is 100 %."""
    model = f"--mcode-model=replay:{wrong_answers}"
    result = run("--mcode-bench=tiny", model, TWO, "--mcode-samples=2")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*pass@1 * 75.00*", "*solved@2 *100.00*"])
    sql = "SELECT sample, verdict FROM attempts WHERE task_id LIKE '%mirror%' ORDER BY sample"
    assert database.rows(sql) == [(0, "failed"), (1, "passed")]


def test_a_missing_answer_is_infra_and_red(run, database, wrong_answers):
    """A replay file without a task's answer: exit status 1, outside of every rate."""
    result = run("--mcode-bench=tiny", f"--mcode-model=replay:{wrong_answers}", "--mcode-limit=3")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*1 infra*"])
    assert database.rows("SELECT count(*) FROM items WHERE state = 'infra'") == [(1,)]
    assert database.rows("SELECT count(*) FROM infra_errors") == [(1,)]


def test_node_ids_limit_k_and_x_select_as_in_pytest(run, database):
    """An item's id can be passed back; -k and -x do what they always do."""
    node = "mcode/tiny::test_tiny[tiny/mirror_words-gold-n1-d0]"
    assert run("--mcode-model=gold", node).parseoutcomes() == {"passed": 1, "deselected": 9}
    chosen = run("--mcode-bench=tiny", "--mcode-model=gold", "-k", "mirror or clamp")
    assert chosen.parseoutcomes() == {"passed": 2, "deselected": 8}
    stopped = run("--mcode-bench=tiny", "--mcode-model=garbage", "-x")
    assert stopped.parseoutcomes() == {"unsolved": 1}
    assert stopped.ret != 0
    unknown = run("--mcode-model=gold", "mcode/tiny::test_tiny[nothing]")
    assert unknown.ret == 4
    unknown.stderr.fnmatch_lines(["*no such item: mcode/tiny::test_tiny?nothing?: did you mean *?"])
    assert "tasks done" not in unknown.stdout.str()


def test_reruns_of_pytest_rerunfailures_are_not_for_what_measures(run, pytester):
    """`--reruns=2` would show a task that is solved in one of three tries as solved."""
    pytester.makeconftest(
        """
        import pytest

        def pytest_configure(config):
            config.pluginmanager.register(object(), "rerunfailures")
            config.addinivalue_line("markers", "flaky(reruns): as that plug-in declares it")

        def pytest_collection_modifyitems(items):
            print(*(i.get_closest_marker("flaky").kwargs for i in items), sep="; ")
        """
    )
    args = ("--mcode-bench=tiny", "--mcode-model=gold", "--mcode-limit=2", "--strict-markers")
    run(*args, "--co", "-q", "-s").stdout.fnmatch_lines(["*{'reruns': 0}; {'reruns': 0}"])


def test_k_with_a_configured_model_starts_benchmark_mode(run, pytester):
    """`pytest -k tiny` runs the benchmark where ini names a model, and nothing where none does."""
    assert run("-k", "tiny").ret == 5
    pytester.makeini("[pytest]\nmcode_model = gold\n")
    run("-k", "tiny").assert_outcomes(passed=10)
    run("-k", "tiny", "-n2").assert_outcomes(passed=10)


def test_last_failed_reruns_the_unsolved(pytester, run, wrong_answers):
    """--lf takes the unsolved tasks, also when an ordinary test of the project failed."""
    pytester.makepyfile(test_own="def test_own(): assert False")
    args = ("--mcode-bench=tiny", f"--mcode-model=replay:{wrong_answers}", TWO, "test_own.py")
    first = pytester.runpytest_subprocess(*args)
    assert first.parseoutcomes() == {"failed": 1, "passed": 1, "unsolved": 1}
    assert first.ret == 1
    second = pytester.runpytest_subprocess("--lf", *args)
    outcomes = second.parseoutcomes()
    assert (outcomes["failed"], outcomes["unsolved"]) == (1, 1)
    assert "passed" not in outcomes


def test_junit_and_json_report_carry_the_outcome(pytester, run, wrong_answers):
    """Flat properties stand in JUnit XML and in pytest-json-report's metadata."""
    pytest.importorskip("pytest_jsonreport")
    result = run(
        "--mcode-bench=tiny", "--mcode-model=gold", "--mcode-limit=1",
        "--junitxml=junit.xml", "--json-report", "--json-report-file=report.json",
    )  # fmt: skip
    assert result.ret == 0
    assert 'name="mcode_solved" value="True"' in (pytester.path / "junit.xml").read_text()
    import json

    (test,) = json.loads((pytester.path / "report.json").read_text())["tests"]
    assert test["metadata"]["mcode"]["mcode_solved"] is True


def test_report_reads_what_a_run_has_written(run):
    """--mcode-report runs nothing and prints the rates, filtered."""
    run("--mcode-bench=tiny", "--mcode-model=gold,garbage", "--mcode-samples=1,2")
    asked = ("--mcode-report", "--mcode-model=gold", "--mcode-samples=2")
    report = run(*asked, "--mcode-temperature=0.1")
    assert report.ret == 0
    report.stdout.fnmatch_lines(["ignored: --mcode-temperature", "*a report is filtered by bench*"])
    run(*asked).stdout.no_fnmatch_line("ignored*")
    report.stdout.fnmatch_lines(["*tiny*gold*", "*pass@2*100.00*"])
    report.stdout.no_fnmatch_line("*garbage*")
    compared = run("--mcode-report", "--mcode-compare=samples", "--mcode-model=gold")
    compared.stdout.fnmatch_lines(["*gold*"])
