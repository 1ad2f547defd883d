"""Draws are found again by the digest of all that decided them, and give back the same answer."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from dataclasses import replace

import pytest

from pytest_mcode.core.errors import StoreError
from pytest_mcode.core.fingerprint import digest
from pytest_mcode.core.records import Answer, Attempt, Message, Outcome, Variant, Verdict
from pytest_mcode.store import queries, runs
from pytest_mcode.store.draws import OWN, Drawn

WHOLE = Answer(
    "```python\ncafé \x00 \U0001f600\n```",
    form="text",
    thinking="hm",
    messages=(Message("system", "be \ud800 brief"), Message("user", "solve it")),
    options={"seed": 7, "stop": ["\ndef"], "temperature": 0.8},
    prompt_tokens=10,
    completion_tokens=5,
    finish_reason="stop",
    queue_s=0.25,
    request_s=0.5,
    calls=3,
    draw="d1",
)


def outcome(*answers):
    """An outcome of one sample per answer, each failed."""
    verdict = Verdict("failed", wall_s=0.1)
    attempts = tuple(Attempt(i, 0, answer, "", verdict) for i, answer in enumerate(answers))
    return Outcome(Variant("humaneval", "m", samples=2), "HumanEval/0", attempts).to_json()


@pytest.fixture
def drawn(path):
    """A lookup in the store's file."""
    made = Drawn(path)
    yield made
    made.close()


def test_the_same_answer_comes_back(store, drawn, nodeid):
    """Text, thoughts, messages, options, tokens and finish reason; no call and no time."""
    store.record("r1", nodeid(0), outcome(WHOLE))
    assert drawn.find("d1") == replace(WHOLE, calls=0, queue_s=0.0, request_s=0.0, reused=True)
    assert drawn.find("d2") is None
    assert drawn.find("") is None


@pytest.mark.parametrize("field", ["text", "thinking", "finish_reason"])
def test_what_utf8_cannot_hold_is_not_found_again(store, drawn, nodeid, field):
    """A lone surrogate is spelled out in its column, so the row is not the answer: drawn anew."""
    store.record("r1", nodeid(0), outcome(replace(WHOLE, **{field: "a\ud800b"})))
    assert drawn.find("d1") is None


def test_a_refusal_is_no_draw(store, drawn, nodeid):
    """A prompt that did not fit may fit the server that is asked next."""
    refused = replace(WHOLE, text="", finish_reason="context_overflow")
    store.record("r1", nodeid(0), outcome(refused))
    assert drawn.find("d1") is None


def test_the_newest_draw_is_taken_and_a_run_may_be_named(store, path, drawn, nodeid):
    """What was drawn anew replaces what was drawn before; `others` looks at one run only."""
    store.record("r1", nodeid(0), outcome(WHOLE))
    store.record("r1", nodeid(1), outcome(replace(WHOLE, text="later")))
    assert drawn.find("d1").text == "later"
    for run, found in (("r1", "later"), ("r2", None)):
        with contextlib.closing(Drawn(path, run, others=False)) as of_run:
            assert getattr(of_run.find("d1"), "text", None) == found


def test_reused_draws_are_counted_and_cost_nothing(store, nodeid):
    """Two attempts, one of them drawn before: tokens, calls and seconds are of the other."""
    before = replace(WHOLE, calls=0, queue_s=0.0, request_s=0.0, reused=True)
    store.record("r1", nodeid(0), outcome(WHOLE, before))
    ((variant,),) = store.rows("SELECT variant_id FROM variants")
    totals = queries.totals(store, [variant])[variant]
    assert (totals.attempts, totals.drawn, totals.reused) == (2, 1, 1)
    assert (totals.prompt_tokens, totals.completion_tokens, totals.calls) == (10, 5, 3)
    assert store.rows("SELECT prompt_tokens, reused FROM attempts") == [(10, 0), (10, 1)]


def test_the_lookup_uses_its_index(store):
    """No scan of `attempts`, neither over all runs nor within one."""
    for where in ("", " AND run_id = 'r1'"):
        sql = (
            f"EXPLAIN QUERY PLAN SELECT answer FROM attempts WHERE draw = 'x' AND draw <> ''{where}"
        )
        plan = " ".join(row[3] for row in store.rows(f"{sql} ORDER BY rowid DESC LIMIT 1"))
        assert "attempts_by_draw" in plan
        assert "TEMP B-TREE" not in plan


def test_a_row_that_was_edited_is_drawn_anew(store, path, drawn, nodeid):
    """Messages that are no JSON, or none of ours: nothing is found, and the next one still is."""
    store.record("r1", nodeid(0), outcome(WHOLE))
    store.record("r1", nodeid(1), outcome(replace(WHOLE, draw="d2")))
    for wrong in ("[", '[{"who": "user"}]', "7"):
        with contextlib.closing(sqlite3.connect(path)) as raw, raw:
            raw.execute("UPDATE attempts SET prompt = ? WHERE draw = 'd1'", (wrong,))
        assert drawn.find("d1") is None
        assert drawn.find("d2") is not None


def test_a_missing_file_holds_no_draws(tmp_path):
    """Nothing is made and nothing raised."""
    assert Drawn(tmp_path / "none.db").find("d1") is None
    assert list(tmp_path.iterdir()) == []


def test_the_pause_of_a_run_is_not_its_time(store, nodeid):
    """Taken up again: unfinished once more, and what lies between is counted as pause."""
    from pytest_mcode.reports.summary import elapsed

    store.record("r1", nodeid(0), outcome(WHOLE))
    with store._transaction():
        for column in ("started", "finished"):
            store._connection.execute(
                f"UPDATE runs SET {column} = '2026-01-01T00:00:00.000000+00:00'"
            )
    store.take_up("r1", process="p", fingerprint_parts={})
    ((finished, paused, process),) = store.rows("SELECT finished, paused_s, process FROM runs")
    assert finished is None
    assert process == "p"
    assert paused > 1
    (run,) = queries.runs(store)
    assert elapsed(run) < 60


def test_draws_that_wait_are_found_as_they_were(store, path, nodeid):
    """By their own run whole, with what they cost and with what UTF-8 cannot hold; by other runs
    as a draw that costs nothing, unless it is its run's own."""
    odd = replace(WHOLE, text="a\ud800b", thinking="\udfff")
    own = replace(WHOLE, draw=f"{OWN}d2")
    store.keep_draws("r1", nodeid(0), outcome(odd, own))
    with contextlib.closing(Drawn(path, "r1", others=False)) as mine:
        assert mine.find("d1") == mine.find(f"{OWN}d1") == odd
        assert mine.find("d2") == mine.find(f"{OWN}d2") == own
    with contextlib.closing(Drawn(path, "r2")) as theirs:
        free = {"calls": 0, "queue_s": 0.0, "request_s": 0.0, "reused": True}
        assert theirs.find("d1") == replace(odd, **free)
        assert theirs.find("d2") is theirs.find(f"{OWN}d2") is None
    with contextlib.closing(Drawn(path, "r2", others=False)) as theirs:
        assert theirs.find("d1") is None


def test_draws_that_wait_are_no_result_until_they_are_verified(store, nodeid):
    """They count as waiting, in no verdict, sum or state; an infra error in the drawing waits for
    nothing, one in the verification leaves them; a verdict takes their place."""
    store.keep_draws("r1", nodeid(0), outcome(WHOLE, WHOLE))
    store.keep_draws("r1", nodeid(1), {**outcome(WHOLE), "infra": "server away"})
    assert queries.counts(store, "r1") == queries.Counts(4, 0, 1, drawn=1, waiting=2)
    assert runs.drawn(store, "r1") == {nodeid(0)}
    assert store.rows("SELECT count(*) FROM attempts") == [(0,)]
    store.record("r1", nodeid(0), {**outcome(WHOLE), "infra": "no sandbox"})
    assert queries.counts(store, "r1") == queries.Counts(4, 0, 2, drawn=1, waiting=2)
    store.record("r1", nodeid(0), outcome(WHOLE, WHOLE))
    assert queries.counts(store, "r1") == queries.Counts(4, 1, 1)
    assert store.rows("SELECT count(*) FROM draws") == [(1,)]


def test_the_sandbox_of_a_variant_is_filled_in_once(store):
    """Planned without one, verified in one; then another is refused, and drawing on is not."""
    variant, drawing = Variant("humaneval", "m"), {"data": "abc", "sandbox": {}}
    store.start_run("r2", command="pytest", fingerprint_parts={}, version="0")
    for parts in (drawing, drawing, {**drawing, "sandbox": {"python": "3.11"}}, drawing):
        store.plan("r2", {"cell": (variant, parts)}, [])
    ((fingerprint, settings),) = store.rows(
        "SELECT fingerprint, settings FROM variants WHERE run_id = 'r2'"
    )
    filled = {"data": "abc", "sandbox": {"python": "3.11"}}
    assert json.loads(settings) == filled
    assert fingerprint == digest(filled)
    with pytest.raises(StoreError, match=r"another sandbox\.python"):
        store.plan("r2", {"cell": (variant, {**drawing, "sandbox": {"python": "3.12"}})}, [])
