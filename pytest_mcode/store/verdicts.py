"""Verdicts that are in the database already, for whoever is about to verify the same again."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from pathlib import Path

from pytest_mcode.core.errors import StoreError
from pytest_mcode.core.records import Json, Verdict
from pytest_mcode.store import connection as opening
from pytest_mcode.store.reader import Reader

BUSY_S = 0.5
"""Seconds that a verdict may be waited for: verifying anew is seldom slower."""
_COLUMNS = {
    "status": "verdict",
    "wall_s": "check_s",
    **{name: name for name in ("detail", "feedback", "stdout", "checks_run", "mode", "memory_mb")},
}
"""Field of a verdict -> column of `attempts`; `groups` is JSON and stands last."""
_FIND = (
    f"SELECT {', '.join(_COLUMNS.values())}, groups FROM attempts"
    " WHERE program = ? AND program <> '' AND flaky = '' LIMIT 1"
)


class Remembered:
    """Looks verdicts up by the digest of what was verified; thread-safe.

    The file is opened when first asked, only to be read. If it is missing, locked, damaged or of
    another version, nothing is remembered, and it is not asked again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reader: Reader | None = None
        self._usable = True
        self._lock = threading.Lock()

    def find(self, program: str) -> Verdict | None:
        """The verdict stored with that digest, flaky ones excepted."""
        try:
            reader = self._open()
            rows = reader.rows(_FIND, (program,)) if reader else []
            return _verdict(program, rows[0]) if rows else None
        except (StoreError, ValueError):
            self.close()
            return None

    def _open(self) -> Reader | None:
        with self._lock:
            if self._usable and self._reader is None:
                self._reader = Reader(self._path, opening.open_reader(self._path, BUSY_S))
            return self._reader

    def close(self) -> None:
        """Let go of the file and remember nothing from then on; safe to call twice."""
        with self._lock:
            self._usable = False
            reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()


def _verdict(program: str, row: Sequence[Json]) -> Verdict:
    fields: dict[str, Json] = dict(zip(_COLUMNS, row, strict=False))
    return Verdict(**fields, program=program, groups=json.loads(row[-1]))
