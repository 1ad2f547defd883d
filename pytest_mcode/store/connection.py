"""Opening the file, and SQLite's errors in one line that names the cure."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from pytest_mcode.core.errors import StoreError
from pytest_mcode.store import migrations

BUSY_S = 30.0
"""Seconds to wait for another process's write before giving up."""

CURES = {
    sqlite3.SQLITE_BUSY: "is locked by another process; wait for it or end it",
    sqlite3.SQLITE_LOCKED: "is locked by another process; wait for it or end it",
    sqlite3.SQLITE_FULL: "cannot grow, the disk is full; free some space",
    sqlite3.SQLITE_IOERR: "cannot be read or written, the disk reports an error or is full",
    sqlite3.SQLITE_READONLY: "is read-only; change its permissions or name another file",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened; check the folder and its permissions",
    sqlite3.SQLITE_CORRUPT: "is damaged; move it away and run again",
    sqlite3.SQLITE_NOTADB: "is no SQLite database; name another file",
}


@contextlib.contextmanager
def speaking(path: Path) -> Iterator[None]:
    """Turn the errors of SQLite and of the file system into `StoreError`."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        raise StoreError(f"{path} {CURES.get(code, 'failed')} ({error})") from error
    except OSError as error:
        raise StoreError(f"{path} cannot be opened: {error.strerror or error}") from error
    except OverflowError as error:
        raise StoreError(f"{path} cannot hold a number that large ({error})") from error


def open_writer(path: Path, busy_s: float) -> sqlite3.Connection:
    """A connection that writes; makes the folder and the file, and brings the schema up to date."""
    with speaking(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(
            path, timeout=busy_s, isolation_level=None, check_same_thread=False
        )
    try:
        with speaking(path):
            version = check_identity(connection, path)
            _enable_wal(connection, path, busy_s)
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
            if version < migrations.LATEST:
                migrations.migrate(connection)
            _prove_writable(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _prove_writable(connection: sqlite3.Connection) -> None:
    """Let a file that cannot be written speak up before the run and not at its first item.

    BEGIN IMMEDIATE alone proves nothing: on a read-only file SQLite begins a read transaction.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(f"PRAGMA user_version = {migrations.LATEST}")
    finally:
        connection.execute("ROLLBACK")


def open_reader(path: Path, busy_s: float = BUSY_S) -> sqlite3.Connection:
    """A connection that only reads and disturbs no writer."""
    if not path.is_file():
        raise StoreError(f"{path} does not exist: run a benchmark first or name another database")
    uri = path.absolute().as_uri()
    with speaking(path):
        connection = _connect_read_only(uri, path, busy_s)
    try:
        with speaking(path):
            version = check_identity(connection, path)
    except BaseException:
        connection.close()
        raise
    if version < migrations.LATEST:
        connection.close()
        raise StoreError(
            f"{path} was written by an earlier version: the next run into it brings it up to date, "
            f"`pytest --mcode-bench=tiny --mcode-model=gold --mcode-db={path}` is enough"
            if version
            else f"{path} holds no results: run a benchmark into it first (of a killed run "
            "FILE-wal holds the newest: copy both files)"
        )
    return connection


def _connect_read_only(uri: str, path: Path, busy_s: float) -> sqlite3.Connection:
    def connect(mode: str) -> sqlite3.Connection:
        opened = sqlite3.connect(
            f"{uri}?{mode}", uri=True, timeout=busy_s, isolation_level=None, check_same_thread=False
        )
        try:
            opened.execute("SELECT count(*) FROM sqlite_master")
        except sqlite3.Error:
            opened.close()
            raise
        return opened

    try:
        return connect("mode=ro")
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
            raise
        # A reader of a WAL file must create its -shm beside it; in a folder that cannot be written
        # this fails, but then nobody writes and the file alone is the whole truth.
        wal = path.with_name(path.name + "-wal")
        if wal.exists() and wal.stat().st_size:
            raise
        return connect("immutable=1")


def check_identity(connection: sqlite3.Connection, path: Path) -> int:
    """The schema version of one of our files, 0 for an empty file; else `StoreError`."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    if application != migrations.APPLICATION_ID:
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise StoreError(f"{path} is a database of another program: name another file")
        return 0
    if version > migrations.LATEST:
        raise StoreError(
            f"{path} was written by a newer pytest-mcode (schema {version}, this one knows "
            f"{migrations.LATEST}): upgrade pytest-mcode or name another file"
        )
    return version


def _enable_wal(connection: sqlite3.Connection, path: Path, busy_s: float) -> None:
    deadline = time.monotonic() + busy_s
    while True:
        try:
            mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        except sqlite3.OperationalError as error:
            # SQLite does not wait for this lock by itself when two processes make the file at once.
            busy = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
            continue
        break
    if mode != "wal":
        raise StoreError(f"{path} lies on a file system without write-ahead log: use a local disk")
