"""Numbered changes of the schema, oldest first; each is applied once."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING

from pytest_mcode.store import schema, views

if TYPE_CHECKING:
    from sqlite_utils import Database

APPLICATION_ID = 0x6D636F64
"""`mcod` in the file's header: tells our files from any other SQLite file."""


def _tables_and_views(database: Database) -> None:
    for statement in schema.TABLES:
        database.execute(statement)
    for name, select in schema.VIEWS.items():
        database.create_view(name, select)


def _remembered_verdicts(database: Database) -> None:
    for statement in schema.REMEMBERED:
        database.execute(statement)


def _groups_of_tests(database: Database) -> None:
    for statement in schema.GROUPS:
        database.execute(statement)


def _draws_kept(database: Database) -> None:
    for statement in schema.DRAWS:
        database.execute(statement)


def _cells_of_studies(database: Database) -> None:
    for statement in schema.CELLS:
        database.execute(statement)


def _tokens_of_thinking(database: Database) -> None:
    for statement in schema.THINKING:
        database.execute(statement)


def _draws_that_wait(database: Database) -> None:
    for statement in schema.WAITING:
        database.execute(statement)


def _groups_readable(database: Database) -> None:
    for statement in views.EVALPLUS_READABLE:
        database.execute(statement)


def _sizes_of_benchmarks(database: Database) -> None:
    for statement in schema.SIZES:
        database.execute(statement)


def _answers_cut_off(database: Database) -> None:
    for statement in schema.CUT:
        database.execute(statement)


MIGRATIONS: tuple[tuple[str, Callable[[Database], None]], ...] = (
    ("0001_tables_and_views", _tables_and_views),
    ("0002_remembered_verdicts", _remembered_verdicts),
    ("0003_groups_of_tests", _groups_of_tests),
    ("0004_draws_kept", _draws_kept),
    ("0005_cells_of_studies", _cells_of_studies),
    ("0006_tokens_of_thinking", _tokens_of_thinking),
    ("0007_draws_that_wait", _draws_that_wait),
    ("0008_groups_readable", _groups_readable),
    ("0009_sizes_of_benchmarks", _sizes_of_benchmarks),
    ("0010_answers_cut_off", _answers_cut_off),
)

LATEST = len(MIGRATIONS)
"""The file's `user_version` when nothing is pending: asked without importing sqlite_utils."""


def migrate(connection: sqlite3.Connection) -> None:
    """Apply what is pending in one transaction; another process that waited finds it done."""
    from sqlite_utils import Database
    from sqlite_utils.migrations import Migrations

    registered = Migrations("pytest_mcode")
    for name, change in MIGRATIONS:
        registered(name=name)(change)
    connection.execute("BEGIN IMMEDIATE")
    try:
        registered.apply(Database(connection, execute_plugins=False))
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {LATEST}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
