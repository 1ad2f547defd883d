"""Tokens per item stand on it, also in files of the version before."""

import re
import sqlite3
from dataclasses import replace

import pytest

from pytest_mcode.core.records import Answer, Attempt, Outcome, Variant, Verdict
from pytest_mcode.store import queries, schema
from pytest_mcode.store.database import PlannedItem, Store
from pytest_mcode.store.spending import Spent, of_each, spent

VARIANT = Variant("tiny", "m", samples=2)
DRAWN = Answer("", prompt_tokens=100, completion_tokens=20, calls=1)
FOUND = replace(DRAWN, calls=0, reused=True)
SILENT = Answer("", calls=1)
RECORDED = Answer("", calls=0)
ANSWERS = {
    "drawn": (DRAWN, DRAWN),
    "found": (DRAWN, FOUND),
    "silent": (DRAWN, SILENT),
    "recorded": (RECORDED, RECORDED),
    "refused": (DRAWN, replace(SILENT, finish_reason="context_overflow")),
}
ROWS = [
    (1, 1, 0, 200, 40, 200, 40),
    (1, 1, 0, 200, 40, 100, 20),
    (1, 1, 1, 100, 20, 100, 20),
    (1, 0, 0, 0, 0, 0, 0),
    (1, 1, 0, 100, 20, 100, 20),
]
"""Solved, asked, unreported, tokens of all answers, and of those that this run has drawn."""


def stored(store):
    """What stands on each item, in the order of ANSWERS."""
    return store.rows(
        "SELECT solved, asked, unreported, prompt_tokens + reused_prompt_tokens,"
        " completion_tokens + reused_completion_tokens, prompt_tokens, completion_tokens FROM items"
    )


@pytest.fixture
def measured(path):
    """A database of one item for each kind of answers."""
    with Store.open(path) as store:
        store.start_run("r", command="pytest", fingerprint_parts={}, version="0")
        store.plan("r", {"v": (VARIANT, {})}, [PlannedItem(t, "v", t) for t in ANSWERS])
        for task, answers in ANSWERS.items():
            attempts = tuple(
                Attempt(i, 0, answer, "", Verdict("passed")) for i, answer in enumerate(answers)
            )
            store.record("r", task, Outcome(VARIANT, task, attempts).to_json())
    return path


def test_what_was_drawn_found_and_not_told_is_kept_apart(measured):
    """Answers of the database count as if drawn, but are not paid; a silent server is named."""
    with Store.read(measured) as store:
        assert stored(store) == ROWS
        assert spent(store, [1]) == {1: Spent(5, *map(sum, zip(*ROWS, strict=True)))}
        assert of_each(store, 1) == [(row[0], *row[3:5]) for row in ROWS]


@pytest.mark.parametrize(
    ("tokens", "told"),
    [((3, 4), 7), ((3, None), None), ((None, None), None), ((0, 0), 0)],
    ids=str,
)
def test_tokens_of_thinking_are_summed_where_all_are_told(path, tokens, told):
    """An item's sum is known only if the server told every part; a report adds items up alike."""
    attempts = tuple(
        Attempt(i, 0, replace(DRAWN, thinking_tokens=n), "", Verdict("passed"))
        for i, n in enumerate(tokens)
    )
    refused = Attempt(2, 0, replace(SILENT, finish_reason="context_overflow"), "", Verdict("error"))
    with Store.open(path) as store:
        store.start_run("r", command="pytest", fingerprint_parts={}, version="0")
        store.plan("r", {"v": (VARIANT, {})}, [PlannedItem(t, "v", t) for t in ("t", "u")])
        store.record("r", "t", Outcome(VARIANT, "t", (*attempts, refused)).to_json())
        assert queries.totals(store, [1])[1].thinking_tokens == told
        store.record("r", "u", Outcome(VARIANT, "u", attempts[:1]).to_json())
        both = None if told is None else told + tokens[0]
        assert queries.totals(store, [1])[1].thinking_tokens == both
        view = store.rows("SELECT thinking_tokens FROM attempts_readable WHERE task_id = 't'")
    assert view == [(n,) for n in (*tokens, None)]


def test_a_file_of_the_version_before_gets_the_sums(measured):
    """Migration 0005 counts them once, from the attempts that are there."""
    raw = sqlite3.connect(measured, isolation_level=None)
    raw.execute("DROP VIEW attempts_readable")
    raw.execute("DROP INDEX attempts_cut")
    raw.execute("DROP TABLE draws")
    raw.execute("ALTER TABLE items DROP COLUMN waiting")
    raw.execute("ALTER TABLE self_checks DROP COLUMN tasks")
    for table in ("items", "attempts", "calls"):
        raw.execute(f"ALTER TABLE {table} DROP COLUMN thinking_tokens")
    raw.execute(f"CREATE VIEW attempts_readable AS {schema.READABLE['attempts_readable']}")
    for statement in reversed(schema.CELLS):
        if view := re.match(r"CREATE VIEW (\w+)", statement):
            raw.execute(f"DROP VIEW {view[1]}")
        elif table := re.match(r"CREATE TABLE (\w+)", statement):
            raw.execute(f"DROP TABLE {table[1]}")
        elif column := re.match(r"ALTER TABLE (\w+) ADD COLUMN (\w+)", statement):
            raw.execute(f"ALTER TABLE {column[1]} DROP COLUMN {column[2]}")
    raw.execute("DELETE FROM _sqlite_migrations WHERE name >= '0005'")
    raw.execute("PRAGMA user_version = 4")
    raw.close()
    with Store.open(measured) as store:
        assert stored(store) == ROWS
