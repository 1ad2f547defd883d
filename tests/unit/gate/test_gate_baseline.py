"""Baselines: files kept in git, databases and runs, and what is said of bad ones."""

import json
from dataclasses import replace

import pytest

from pytest_mcode.core.errors import ConfigError
from pytest_mcode.core.records import Variant
from pytest_mcode.gate import baseline
from pytest_mcode.store import queries
from pytest_mcode.store.database import PlannedItem, Store

ROW = queries.RunRow(
    "r1", "2026-11-21T10:00:00", "", "", "pytest", "0.1.0", "", "f", 0.0, "b m",
    queries.Counts(3, 3, 0),
)  # fmt: skip


def find(path, db=None, benches=("b",), new="", fits=lambda found: True):
    """The baseline under a path, as the option would name it."""
    db = db or path.with_name("none.db")
    return baseline.find(str(path), path, db=db, benches=benches, fits=fits, new=new)


@pytest.mark.parametrize(("feedback", "solved"), [("hidden", (1, 2, 4)), ("public", (3, 2, 4))])
def test_a_file_gives_back_what_was_written(tmp_path, measured, feedback, solved):
    """Variant, fingerprint, samples, passes by iteration and choice survive the file; so do passes
    that a repair has spoilt, which only public tests had asked for."""
    path = tmp_path / "base.json"
    one = measured([1, 5, 0], label="b/one", feedback=feedback)
    tasks = dict(one.tasks)
    tasks["T/0"] = tasks["T/0"]._replace(solved_by=solved, chosen=True)
    one = replace(one, tasks=tasks)
    baseline.write(path, ROW, [one])
    (read,) = find(path).measurements
    assert (read.label, read.variant, read.parts) == (one.label, one.variant, one.parts)
    assert {t: (r.samples, r.solved_by, r.chosen) for t, r in read.tasks.items()} == {
        t: (r.samples, r.solved_by, r.chosen) for t, r in one.tasks.items()
    }


def test_a_file_is_sorted_and_has_a_line_per_task(tmp_path, measured):
    """A changed task is one changed line of the diff, and nothing depends on the order of runs."""
    paths = [tmp_path / name for name in ("a.json", "b.json")]
    cells = [measured([1, 5], label=label) for label in ("b/x", "b/y")]
    baseline.write(paths[0], ROW, cells)
    baseline.write(paths[1], ROW, reversed(cells))
    text = paths[0].read_text()
    assert text == paths[1].read_text()
    assert '    "T/0": [5, 1],\n    "T/1": [5, 5]\n' in text
    assert json.loads(text)["schema"] == 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-40],
        lambda text: text.replace('"schema": 1', '"schema": 99'),
        lambda text: text.replace("pytest-mcode baseline", "something"),
        lambda text: text.replace("[5, 1]", "[5, 6]"),
        lambda text: text.replace("[5, 1]", "[5]"),
        lambda text: text.replace('"benchmark": "b",\n    "model"', '"bench": "b",\n    "model"'),
        lambda text: "[]",
        lambda text: "",
    ],
)
def test_a_damaged_file_is_one_line_with_the_cure(tmp_path, measured, damage):
    """Cut off, of another schema, impossible numbers, another JSON: told, never a traceback."""
    path = tmp_path / "base.json"
    baseline.write(path, ROW, [measured([1, 5])])
    before = path.read_text()
    path.write_text(damage(before))
    assert path.read_text() != before
    with pytest.raises(ConfigError, match="--mcode-gate-export") as error:
        find(path)
    assert "\n" not in str(error.value)


def test_an_incomplete_run_is_no_baseline(tmp_path, measured):
    """Neither is it written; the file that was there stays."""
    path = tmp_path / "base.json"
    path.write_text("before")
    for lacking in (measured([1], planned=2), measured([1], planned=2, infra=1)):
        with pytest.raises(ConfigError, match="--mcode-resume"):
            baseline.write(path, ROW, [lacking])
    with pytest.raises(ConfigError, match="nothing was measured"):
        baseline.write(path, ROW, [])
    assert path.read_text() == "before"


@pytest.fixture
def database(tmp_path):
    """Three runs: r1 complete, r2 complete with other tasks, r3 without its second task."""
    path = tmp_path / "results.db"
    variant = Variant("b", "m")
    with Store.open(path) as store:
        for run, tasks, done in (("r1", "01", "01"), ("r2", "23", "23"), ("r3", "01", "0")):
            store.start_run(run, command="pytest", fingerprint_parts={}, version="0.1.0")
            items = [PlannedItem(f"n{t}", "cell", f"T/{t}") for t in tasks]
            store.plan(run, {"cell": (variant, {"limits": {}})}, items)
            for t in done:
                store.record(run, f"n{t}", outcome(variant, f"T/{t}"))
    return path


def outcome(variant, task):
    """One draw that passed, as a worker sends it."""
    from pytest_mcode.core.records import Answer, Attempt, Outcome, Verdict

    attempt = Attempt(0, 0, Answer("x"), "x", Verdict("passed", mode="split"))
    return Outcome(variant, task, (attempt,)).to_json()


def test_of_a_database_the_newest_run_is_taken_that_fits(database):
    """r3 is incomplete, r2 has other tasks: r1 is the baseline, unless it is the run itself."""

    def fits(found):
        return "T/0" in found[0].tasks

    assert find(database, fits=fits).source == "run r1 of results.db"
    assert find(database).source == "run r2 of results.db"
    with pytest.raises(ConfigError, match="no complete run of these cells of b"):
        find(database, fits=fits, new="r1")


def test_a_run_is_named_by_its_id(database, tmp_path):
    """Unknown ids are answered with the nearest; incomplete runs and the run itself are refused."""

    def named(run, new=""):
        return baseline.find(
            run, tmp_path / run, db=database, benches=("b",), fits=lambda found: True, new=new
        )

    assert named("r1").source == "run r1"
    for run, new, said in (
        ("r11", "", "the nearest is r1"),
        ("r3", "", "has 1 of 2 tasks"),
        ("r1", "r1", "not its own baseline"),
    ):
        with pytest.raises(ConfigError, match=said):
            named(run, new)


def test_another_benchmark_is_told(database):
    """The error names what the baseline measured."""
    with pytest.raises(ConfigError, match="measured b and not humaneval"):
        baseline.find(
            "r1", database.with_name("r1"), db=database, benches=("humaneval",),
            fits=lambda found: True,
        )  # fmt: skip


def test_a_file_that_is_not_there_is_told(tmp_path):
    """With the command that makes one."""
    with pytest.raises(ConfigError, match=r"--mcode-gate-export=base\.json"):
        find(tmp_path / "base.json")
