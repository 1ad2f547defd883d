"""Views and canned queries for people who look around, on real measurements."""

import json
import re
import sqlite3

import pytest

from pytest_mcode.core.records import Variant
from pytest_mcode.reports import datasette
from pytest_mcode.reports.summary import summarize
from pytest_mcode.store.queries import ALL, Filters
from pytest_mcode.store.reader import SelfCheck
from pytest_mcode.store.views import READABLE

QUERIES = datasette.metadata("results")["databases"]["results"]["queries"]
GIVEN = {"model_a": "gpt-3.5", "model_b": "codegen16b", "task_id": "HumanEval/0"}


@pytest.fixture
def rows(store, run, codegen, ldb, variants):
    """Ask a database of CodeGen-16B and GPT-3.5 on HumanEval, without any code of ours."""
    run("r1", variants["codegen"], codegen)
    run("r2", variants["ldb"], ldb, at=1)
    run("r3", Variant("tiny", "m"), {"a": [["passed"]], "b": "gone", "c": [["passed"]]}, recorded=2)
    connection = sqlite3.connect(f"file:{store.path}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row

    def ask(sql, **given):
        return [dict(row) for row in connection.execute(sql, given)]

    yield ask
    connection.close()


@pytest.mark.parametrize("name", QUERIES)
def test_every_query_runs_on_a_real_database(rows, name):
    """Valid SQL, explained, and with rows in it; of flaky verdicts there are none here."""
    query = QUERIES[name]
    given = {word: GIVEN[word] for word in re.findall(r":(\w+)", query["sql"])}
    found = rows(query["sql"], **given)
    assert bool(found) == (name != "flaky")
    assert query["title"]
    assert query["description"].endswith(".")


def test_everything_described_is_there_and_the_other_way_round(rows):
    """Tables and views that Datasette lists are those of the database."""
    described = set(datasette.metadata("results")["databases"]["results"]["tables"])
    sql = "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')"
    assert {row["name"] for row in rows(sql)} == described


def test_facets_and_orders_name_columns(rows):
    """What the metadata sorts and counts by exists."""
    for name, table in datasette.metadata("results")["databases"]["results"]["tables"].items():
        wanted = {*table.get("facets", ()), table.get("sort"), table.get("sort_desc")} - {None}
        assert wanted <= {
            row["name"] for row in rows(f"SELECT name FROM pragma_table_info('{name}')")
        }


def test_the_rates_are_those_of_the_report(rows):
    """22.12 % pass@1 and 73.78 % solved@100 of CodeGen-16B; an unfinished run is not complete."""
    found = {row["model"]: row for row in rows("SELECT * FROM rates")}
    assert round(100 * found["codegen16b"]["pass_at_1"], 2) == 22.12
    assert round(100 * found["codegen16b"]["solved_at_n"], 2) == 73.78
    assert found["codegen16b"]["complete"] == 1
    assert {k: found["m"][k] for k in ("planned", "done", "infra", "complete", "pass_at_1")} == {
        "planned": 3, "done": 1, "infra": 1, "complete": 0, "pass_at_1": 1.0,
    }  # fmt: skip


def test_a_run_that_stops_early_has_the_rate_of_its_first_draws(store, run, rows):
    """Where draws are missing, c/n would favour what was solved at once."""
    chains = {"a": [["failed"], ["passed"]], "b": [["passed"]], "c": [["failed"]] * 4}
    run("r9", Variant("tiny", "early", samples=4), chains, at=9)
    (row,) = rows("SELECT pass_at_1, solved_at_n FROM rates WHERE model = 'early'")
    assert row == {"pass_at_1": pytest.approx(1 / 3), "solved_at_n": pytest.approx(2 / 3)}


def test_newest_rates_are_those_that_a_report_shows(store, run):
    """A later run of one task does not hide that of both; another time limit is another cell."""
    store.remember_check(SelfCheck("b", "sha", "img", "v1", passed=True, tasks=2))
    given = {"data": {"benchmark": "b", "sha256": "sha"}, "limits": {"wall_s": 10.0}}
    cell, both = Variant("b", "m"), {"T/1": [["passed"]], "T/2": [["failed"]]}
    run("all", cell, both, parts=given, at=3)
    run("some", cell, {"T/1": [["passed"]]}, parts=given, at=4)
    run("fast", cell, {"T/1": [["passed"]]}, parts=given | {"limits": {"wall_s": 3.0}}, at=5)
    found = store.rows(QUERIES["newest_rates"]["sql"])
    shown = {run_id: (limit, rate, planned, size)
             for _, _, limit, rate, _, _, _, planned, size, _, run_id in found}  # fmt: skip
    assert shown == {"all": (10.0, 50.0, 2, 2), "fast": (3.0, 100.0, 1, 2)}
    assert {v.row.run_id for v in summarize(store, Filters(bench=("b",))).variants} == set(shown)


def test_tasks_and_attempts_add_up(rows):
    """Draws of a task are those of all models; every attempt has a readable row."""
    (task,) = rows("SELECT * FROM tasks WHERE task_id = 'HumanEval/0'")
    assert (task["draws"], task["models"]) == (101, 2)
    counts = (
        "SELECT (SELECT count(*) FROM attempts) = (SELECT count(*) FROM attempts_readable) AS s"
    )
    assert rows(counts) == [{"s": 1}]
    (run,) = rows("SELECT minutes, ended, complete FROM runs_readable WHERE run_id = 'r1'")
    assert run == {"minutes": 1.67, "ended": 1, "complete": 1}


def test_the_file_is_of_the_database_it_is_written_for(store, run, tmp_path):
    """Datasette knows a database by the stem of its name; the line says what to type."""
    run("r1", Variant("tiny", "m"), {"a": [["passed"]]})
    said = datasette.write(store, ALL, (), tmp_path / "meta data.json")
    assert said == f"look around with: datasette {store.path} -m '{tmp_path}/meta data.json'"
    assert list(json.loads((tmp_path / "meta data.json").read_text())["databases"]) == ["results"]
    assert set(READABLE) <= set(datasette.metadata("x")["databases"]["x"]["tables"])
