"""Verdicts of earlier runs are found by their digest; a file that cannot be asked is no error."""

import os
import sqlite3

import pytest

from pytest_mcode.store import connection, migrations
from pytest_mcode.store.database import Store
from pytest_mcode.store.verdicts import Remembered


@pytest.fixture
def record(store, outcome, nodeid):
    """Record item `number` with a verdict that was given for `program`."""

    def call(number, program, **verdict):
        made = outcome(number, "f")
        made["attempts"][0]["verdict"].update({"program": program, **verdict})
        store.record("r1", nodeid(number), made)
        return made["attempts"][0]["verdict"]

    return call


@pytest.fixture
def remembered(path):
    made = Remembered(path)
    yield made
    made.close()


def test_a_verdict_comes_back_as_it_was_given(record, remembered):
    """Every field, to the last bit; `cached` is the asker's business."""
    given = record(
        0, "d1", status="failed", detail="d", feedback="a\nb\u00e9", stdout="out\n", checks_run=3,
        wall_s=0.1, memory_mb=9.7, groups={"plus": False, "base": True},
    )  # fmt: skip
    found = remembered.find("d1")
    assert {name: getattr(found, name) for name in given} == given
    assert list(found.groups) == ["plus", "base"]


def test_it_is_found_as_soon_as_it_is_recorded(record, remembered):
    """A worker's connection sees what the controller has written since it was opened."""
    assert remembered.find("d1") is None
    record(0, "d1")
    assert remembered.find("d1").status == "failed"


def test_only_what_was_verified_under_that_digest_is_taken(record, remembered):
    """No digest, another digest, a flaky verdict: nothing."""
    record(0, "")
    record(1, "d1", flaky="passed 1 of 2, else failed")
    record(2, "d2")
    assert [remembered.find(name) for name in ("", "d1", "d3")] == [None] * 3
    assert remembered.find("d2") is not None


def test_flaky_and_cached_attempts_are_counted_with_the_item(record, store):
    """Reports read them without the large rows of the attempts."""
    record(0, "d1", flaky="passed 1 of 2, else failed")
    record(1, "d1", cached=True)
    assert store.rows("SELECT flaky, cached FROM items ORDER BY item_id LIMIT 2") == [
        (1, 0),
        (0, 1),
    ]


def test_the_lookup_uses_its_index(store, path):
    """However many attempts there are, one program is found at once."""
    plan = store.rows(
        "EXPLAIN QUERY PLAN SELECT verdict FROM attempts"
        " WHERE program = ? AND program <> '' AND flaky = '' LIMIT 1",
        ("x",),
    )
    assert any("attempts_by_program" in row[-1] for row in plan)


def missing(path):
    path.unlink()


def damaged(path):
    path.write_bytes(b"SQLite format 3\0" + os.urandom(8192))


def of_another(path):
    path.write_bytes(b"hello")


def of_an_older_version(path):
    with sqlite3.connect(path) as raw:
        raw.execute(f"PRAGMA user_version = {migrations.LATEST - 1}")
    raw.close()


@pytest.mark.parametrize("spoil", [missing, damaged, of_another, of_an_older_version])
def test_a_file_that_cannot_be_asked_remembers_nothing(tmp_path, spoil):
    """No error, no question asked twice, and the file is left as it is."""
    path = tmp_path / "results.db"
    Store.open(path).close()
    for rest in tmp_path.glob("results.db-*"):
        rest.unlink()
    spoil(path)
    before = path.read_bytes() if path.exists() else None
    remembered = Remembered(path)
    assert [remembered.find("d1"), remembered.find("d1")] == [None, None]
    assert (path.read_bytes() if path.exists() else None) == before


def test_a_locked_file_is_not_waited_for(record, store, path, monkeypatch):
    """Another process has it for itself alone: verifying goes on without it."""
    record(0, "d1")
    store.close()
    monkeypatch.setattr("pytest_mcode.store.verdicts.BUSY_S", 0.05)
    raw = sqlite3.connect(path, isolation_level=None)
    try:
        raw.execute("PRAGMA locking_mode = EXCLUSIVE")
        raw.execute("BEGIN EXCLUSIVE")
        assert Remembered(path).find("d1") is None
        raw.execute("ROLLBACK")
    finally:
        raw.close()
    free = Remembered(path)
    assert free.find("d1") is not None
    free.close()


def test_closing_ends_it(record, remembered):
    """Nothing is opened again behind the back of whoever closed it."""
    record(0, "d1")
    assert remembered.find("d1") is not None
    remembered.close()
    remembered.close()
    assert remembered.find("d1") is None


def test_a_file_of_the_first_version_is_brought_up_to_date(path, outcome, nodeid):
    """Rows stay, new columns have their defaults, and new rows are found."""
    from sqlite_utils import Database
    from sqlite_utils.migrations import Migrations

    path.parent.mkdir()
    raw = sqlite3.connect(path, isolation_level=None)
    first = Migrations("pytest_mcode")
    name, change = migrations.MIGRATIONS[0]
    first(name=name)(change)
    first.apply(Database(raw, execute_plugins=False))
    raw.execute(f"PRAGMA application_id = {migrations.APPLICATION_ID}")
    raw.execute("PRAGMA user_version = 1")
    raw.execute("INSERT INTO runs VALUES ('old', 'then', NULL, 'pytest', '0', '', '', '{}')")
    raw.close()
    with Store.open(path) as store:
        assert store.rows("SELECT run_id FROM runs") == [("old",)]
        assert store.rows("SELECT count(program), count(flaky), count(cached) FROM attempts") == [
            (0, 0, 0)
        ]
        assert connection.check_identity(store._connection, path) == migrations.LATEST
