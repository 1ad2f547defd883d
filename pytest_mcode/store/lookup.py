"""Asking a database, while others write to it, for what might be in it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pytest_mcode.core.errors import StoreError
from pytest_mcode.store import connection as opening
from pytest_mcode.store.reader import Reader


class Lookup:
    """Opens the file when first asked, only to read; thread-safe.

    If the file is missing, locked, damaged or of another version, nothing is found, and it is not
    asked again.
    """

    def __init__(self, path: Path, busy_s: float) -> None:
        self._path = path
        self._busy_s = busy_s
        self._reader: Reader | None = None
        self._usable = True
        self._lock = threading.Lock()

    def rows(self, sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        """All rows of one SELECT; none where the file cannot be asked."""
        try:
            reader = self._open()
            return reader.rows(sql, parameters) if reader else []
        except StoreError:
            self.close()
            return []

    def _open(self) -> Reader | None:
        with self._lock:
            if self._usable and self._reader is None:
                self._reader = Reader(self._path, opening.open_reader(self._path, self._busy_s))
            return self._reader

    def close(self) -> None:
        """Let go of the file and find nothing from then on; safe to call twice."""
        with self._lock:
            self._usable = False
            reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()
