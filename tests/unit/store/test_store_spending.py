"""Tokens per item stand on it, also in files of the version before."""

import re
import sqlite3
from dataclasses import replace

import pytest

from pytest_mcode.core.records import Answer, Attempt, Outcome, Variant, Verdict
from pytest_mcode.store import migrations, schema
from pytest_mcode.store.database import PlannedItem, Store
from pytest_mcode.store.spending import Spent, spent

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
EXPECTED = (
    Spent(True, True, False, 200, 40, 200, 40),
    Spent(True, True, False, 200, 40, 100, 20),
    Spent(True, True, True, 100, 20, 100, 20),
    Spent(True, False, False, 0, 0, 0, 0),
    Spent(True, True, False, 100, 20, 100, 20),
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
        assert spent(store, [1]) == {1: EXPECTED}


def test_a_file_of_the_version_before_gets_the_sums(measured):
    """Migration 0005 counts them once, from the attempts that are there."""
    raw = sqlite3.connect(measured, isolation_level=None)
    for statement in reversed(schema.CELLS):
        if view := re.match(r"CREATE VIEW (\w+)", statement):
            raw.execute(f"DROP VIEW {view[1]}")
        elif table := re.match(r"CREATE TABLE (\w+)", statement):
            raw.execute(f"DROP TABLE {table[1]}")
        elif column := re.match(r"ALTER TABLE (\w+) ADD COLUMN (\w+)", statement):
            raw.execute(f"ALTER TABLE {column[1]} DROP COLUMN {column[2]}")
    raw.execute("DELETE FROM _sqlite_migrations WHERE name LIKE '0005%'")
    raw.execute(f"PRAGMA user_version = {migrations.LATEST - 1}")
    raw.close()
    with Store.open(measured) as store:
        assert spent(store, [1]) == {1: EXPECTED}
