"""Reading a results database, also while a run writes to it."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pytest_mcode.store import connection as opening


@dataclass(frozen=True)
class SelfCheck:
    """A benchmark's data was tried with gold, garbage and empty programs."""

    benchmark: str
    data_sha256: str
    image: str
    """Digest of the sandbox image, or what stands for it."""
    verdict_version: str
    passed: bool
    detail: str = ""
    """What failed, for people."""
    tasks: int = 0
    """How many the benchmark has, however many of them a run measures."""


class Reader:
    """Reads a results database; never waits for, nor disturbs, the writer."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self._lock = threading.RLock()

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of one SELECT. Raises `StoreError`."""
        with self._lock, opening.speaking(self.path):
            return self._connection.execute(sql, parameters).fetchall()

    def each(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """The rows of one SELECT as they are read, within `snapshot`. Raises `StoreError`."""
        with self._lock, opening.speaking(self.path):
            yield from self._connection.execute(sql, parameters)

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """Several queries that see the same moment, while another process goes on writing.

        One within another sees the moment of the outer one.
        """
        with self._lock:
            with opening.speaking(self.path):
                within = self._connection.in_transaction
                if not within:
                    self._connection.execute("BEGIN")
            try:
                yield  # what the reader does with other files is not this file's error
            finally:
                if not within:
                    with opening.speaking(self.path):
                        self._connection.execute("ROLLBACK")

    def self_check(
        self, benchmark: str, data_sha256: str, image: str, verdict_version: str
    ) -> SelfCheck | None:
        """The remembered check of exactly this data, image and verdict code, if any."""
        key = (benchmark, data_sha256, image, verdict_version)
        found = self.rows(
            "SELECT passed, detail, tasks FROM self_checks WHERE benchmark = ? AND data_sha256 = ?"
            " AND image = ? AND verdict_version = ?",
            key,
        )
        if not found:
            return None
        passed, detail, tasks = found[0]
        return SelfCheck(*key, bool(passed), detail, tasks)

    def sizes(self) -> dict[tuple[str, str], int]:
        """(benchmark, sha256 of its data) -> tasks it has, as far as a self-check has told."""
        counted = "SELECT benchmark, data_sha256, max(tasks) FROM self_checks GROUP BY 1, 2"
        return {(benchmark, sha256): tasks for benchmark, sha256, tasks in self.rows(counted)}

    def close(self) -> None:
        """Let go of the file; safe to call twice."""
        with self._lock, opening.speaking(self.path):
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
