"""Writing: what is recorded comes back once and whole, and other tools can read it."""

import contextlib
import json
import sqlite3
from datetime import UTC, datetime

import pytest

from pytest_mcode.core.errors import StoreError
from pytest_mcode.core.records import Variant
from pytest_mcode.store import drilldown, queries, runs
from pytest_mcode.store.database import PlannedItem, SelfCheck, Store


def dump(path):
    """Every row of every table that an item touches, without the times of writing."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as raw:
        return [
            raw.execute("SELECT * FROM attempts ORDER BY item_id, sample, iteration").fetchall(),
            raw.execute("SELECT nodeid, state, solved, solved_by, error FROM items").fetchall(),
            raw.execute("SELECT run_id, nodeid, message FROM infra_errors").fetchall(),
        ]


def test_an_attempt_comes_back_whole(store, outcome, nodeid):
    """Prompt, answer, code, verdict, tokens and times of an attempt are in its row."""
    sent = outcome(0, "fp", thinking="hm", options={"seed": 7}, queue_s=0.25, calls=2)
    store.record("r1", nodeid(0), sent)
    rows = store.rows(
        "SELECT run_id, task_id, sample, iteration, verdict, detail, mode, checks_run, check_s,"
        " prompt_tokens, completion_tokens, finish_reason, queue_s, request_s, calls, code, answer,"
        " thinking, prompt, options FROM attempts ORDER BY sample, iteration"
    )
    assert rows[1][:18] == (
        *("r1", "HumanEval/0", 0, 1, "passed", "p!", "split", 3, 0.1, 10, 5, "stop", 0.25, 0.5, 2),
        *("def f(): ...", "def f(): ...", "hm"),
    )
    assert json.loads(rows[1][18]) == [{"role": "user", "content": "solve it"}]
    assert json.loads(rows[1][19]) == {"seed": 7}


def test_recording_twice_changes_nothing(store, outcome, nodeid, path):
    """The same outcome recorded again leaves the same rows."""
    for sent in (outcome(0, "fp", "ff"), outcome(1, "f", infra="server down")):
        store.record("r1", nodeid(int(sent["task_id"][-1])), sent)
    before = dump(path)
    store.record("r1", nodeid(0), outcome(0, "fp", "ff"))
    store.record("r1", nodeid(1), outcome(1, "f", infra="server down"))
    assert dump(path) == before


def test_a_later_outcome_replaces_the_earlier_one(store, outcome, nodeid):
    """A retried item counts once, with its last outcome; its infra error stays in the log."""
    store.record("r1", nodeid(0), outcome(0, "f", infra="server down"))
    assert queries.counts(store, "r1") == queries.Counts(planned=4, done=0, infra=1)
    store.record("r1", nodeid(0), outcome(0, "p"))
    assert queries.counts(store, "r1") == queries.Counts(planned=4, done=1, infra=0)
    assert store.rows("SELECT sample, verdict FROM attempts") == [(0, "passed")]
    assert queries.infra(store, ["r1"]) == {"r1": (("server down", 1),)}


def test_an_infra_error_never_unmeasures_an_item(store, outcome, nodeid):
    """A worker that dies after its item was recorded leaves the item measured."""
    store.record("r1", nodeid(0), outcome(0, "p"))
    store.record_infra("r1", nodeid(0), "worker gw1 died")
    store.record_infra("r1", nodeid(1), "worker gw1 died")
    store.record_infra("r1", "", "daemon is gone")
    assert queries.counts(store, "r1") == queries.Counts(planned=4, done=1, infra=1)
    assert dict(queries.infra(store, ["r1"])["r1"]) == {"worker gw1 died": 2, "daemon is gone": 1}


@pytest.mark.parametrize("text", ["a\x00b", "café ☃ \U0001f600", "x" * 5_000_000, ""])
def test_texts_are_lossless(store, outcome, nodeid, text):
    """NUL bytes, any Unicode and 5 MB come back equal."""
    store.record("r1", nodeid(0), outcome(0, "f", text=text))
    assert store.rows("SELECT answer, code FROM attempts") == [(text, text)]


def test_lone_surrogates_are_spelled_out(store, outcome, nodeid, path):
    """A lone surrogate becomes the text `\\udc80`, so that every SQLite reader opens the row."""
    store.record("r1", nodeid(0), outcome(0, "f", text="x\udc80", options={"stop": "\udc80"}))
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as raw:
        answer, options = raw.execute("SELECT answer, options FROM attempts").fetchone()
    assert answer == "x\\udc80"
    assert json.loads(options) == {"stop": "\udc80"}


def test_solved_by_counts_each_sample_at_its_first_pass(store, outcome, nodeid):
    """`solved_by` is cumulative over iterations, and iteration 0 alone counts passing draws."""
    store.record("r1", nodeid(0), outcome(0, "ffp", "p", "fff"))
    found = store.rows(
        "SELECT solved, samples_generated, iterations_used, first_passed, solved_by, attempts,"
        " completion_tokens FROM items WHERE state = 'done'"
    )
    assert found == [(1, 3, 2, 0, "[1, 1, 2]", 7, 35)]


def test_views_have_the_shape_of_the_predecessor(store, outcome, nodeid, path):
    """`results` and `pass_rates` answer plain SQL; infra errors are in neither passed nor total."""
    store.record("r1", nodeid(0), outcome(0, "fp", "p"))
    store.record("r1", nodeid(1), outcome(1, "ff", "nt"))
    store.record("r1", nodeid(2), outcome(2, infra="server down"))
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as raw:
        results = raw.execute(
            "SELECT run_id, task_id, passed, samples_generated, iterations_used, time_ms, error"
            " FROM results ORDER BY task_id"
        ).fetchall()
        rates = raw.execute(
            "SELECT benchmark, model_id, config, total, passed, pass_rate, planned, infra"
            " FROM pass_rates"
        ).fetchone()
    assert results == [
        ("r1", "HumanEval/0", 1, 2, 1, 1250, ""),
        ("r1", "HumanEval/1", 0, 2, 1, 1250, "timeout: t!"),
        ("r1", "HumanEval/2", None, 0, 0, 1250, "server down"),
    ]
    assert rates[:2] + rates[3:] == ("humaneval", "m", 2, 1, 0.5, 4, 1)
    assert json.loads(rates[2])["max_debug_iterations"] == 1


def test_a_run_is_taken_up_again_where_it_stopped(store, outcome, nodeid, path):
    """The same run id with the same fingerprint keeps what is measured and opens the run again."""
    store.record("r1", nodeid(2), outcome(2, "p"))
    store.finish_run("r1", datetime(2026, 1, 1, tzinfo=UTC))
    with Store.open(path) as again:
        again.start_run("r1", command="x", fingerprint_parts={"seed": 0}, version="0.1.0")
        assert runs.done(again, "r1") == {nodeid(2)}
        (run,) = queries.runs(again)
    assert (run.finished, run.command) == ("", "pytest")
    assert run.counts == queries.Counts(4, 1, 0)


def test_a_transaction_that_ctrl_c_left_open_is_undone(store, outcome, nodeid):
    """The next write undoes what was begun and never ended, and succeeds."""
    store._connection.execute("BEGIN IMMEDIATE")
    store._connection.execute("DELETE FROM items")
    store.record("r1", nodeid(0), outcome(0, "p"))
    assert store.rows("SELECT count(*) FROM items WHERE state = 'done'") == [(1,)]
    assert store.rows("SELECT count(*) > 1 FROM items") == [(1,)]


def test_another_fingerprint_is_refused_by_name(store):
    """Neither a run nor a variant is continued with other settings; the message names them."""
    with pytest.raises(StoreError, match="another seed"):
        store.start_run("r1", command="", fingerprint_parts={"seed": 1}, version="0.1.0")
    changed = {"limits": {"wall_s": 20.0, "memory_mb": 512}, "data": "abc", "image": "sha256:1"}
    variant = Variant("humaneval", "m", samples=2, debug_iters=1)
    with pytest.raises(StoreError, match=r"another limits\.wall_s: start a new run"):
        store.plan("r1", {"cell": (variant, changed)}, [])


def test_an_unplanned_item_is_refused(store, outcome):
    """Results without a plan have no denominator, so they are not taken."""
    with pytest.raises(StoreError, match="not in the plan of run r1"):
        store.record("r1", "test_other.py::test", outcome(0, "p"))


def test_a_bad_plan_leaves_nothing_behind(store):
    """A plan is written whole or not at all."""
    bad = [PlannedItem("a", "new", "T/1"), PlannedItem("b", "unknown", "T/2")]
    with pytest.raises(KeyError):
        store.plan("r1", {"new": (Variant("b", "m"), {})}, bad)
    assert queries.counts(store, "r1").planned == 4
    assert len(queries.variants(store)) == 1


def test_filters_choose_variants(store):
    """Each filter narrows the variants, and several narrow together."""
    store.start_run("r2", command="", fingerprint_parts={}, version="0.1.0")
    store.plan(
        "r2",
        {
            "a": (Variant("mbpp", "m", samples=5), {"limits": {"wall_s": 60}}),
            "b": (Variant("mbpp", "other", samples=1, debug_iters=3), {}),
        },
        [],
    )
    filters = queries.Filters

    def labels(**chosen):
        return {f"{v.run_id}/{v.label}" for v in queries.variants(store, filters(**chosen))}

    assert labels() == {"r1/cell", "r2/a", "r2/b"}
    assert labels(bench=("mbpp",)) == {"r2/a", "r2/b"}
    assert labels(model=("m",), samples=(2, 5)) == {"r1/cell", "r2/a"}
    assert labels(timeout=(60,)) == {"r2/a"}
    assert labels(debug_iters=(1, 3), run=("r2",)) == {"r2/b"}
    assert [r.run_id for r in queries.runs(store, filters(bench=("humaneval",)))] == ["r1"]
    assert [r.run_id for r in queries.runs(store)] == ["r2", "r1"]


def test_self_checks_are_remembered_by_all_four_keys(store):
    """A self-check is found again for the same data, image and verdict code, and for no other."""
    store.remember_check(SelfCheck("humaneval", "sha", "img", "v1", passed=False, detail="T/1"))
    assert store.self_check("humaneval", "sha", "img", "v1").passed is False
    store.remember_check(SelfCheck("humaneval", "sha", "img", "v1", passed=True))
    assert store.self_check("humaneval", "sha", "img", "v1").passed is True
    assert store.self_check("humaneval", "sha", "img", "v2") is None
    assert store.self_check("humaneval", "other", "img", "v1") is None


def test_deleting_a_run_deletes_all_of_it(store, outcome, nodeid, path):
    """Foreign keys are on: one DELETE leaves no orphan rows."""
    store.record("r1", nodeid(0), outcome(0, "p", infra="x"))
    store.close()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("PRAGMA foreign_keys = ON")
        raw.execute("DELETE FROM runs")
        tables = ("variants", "items", "attempts", "infra_errors")
        assert [raw.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in tables] == [0] * 4


def test_only_the_attempt_that_is_handed_in_is_chosen(store, outcome, nodeid):
    """A strategy may note such words of another one: they choose nothing."""
    drawn = outcome(0, "p", "f")
    drawn["attempts"][0]["notes"] = {"said": {"chosen": True}, "told": '"chosen": true'}
    drawn["attempts"][1]["notes"] = {"chosen": True}
    store.record("r1", nodeid(0), drawn)
    ((item,),) = store.rows("SELECT item_id FROM items WHERE state = 'done'")
    assert [head.chosen for head in drilldown.heads(store, item)] == [False, True]
