"""Verdicts that are in the database already, for whoever is about to verify the same again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from pytest_mcode.core.records import Json, Verdict
from pytest_mcode.store.lookup import Lookup

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


class Remembered(Lookup):
    """Looks verdicts up by the digest of what was verified."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, BUSY_S)

    def find(self, program: str) -> Verdict | None:
        """The verdict stored with that digest, flaky ones excepted."""
        rows = self.rows(_FIND, (program,))
        try:
            return _verdict(program, rows[0]) if rows else None
        except ValueError:  # a row that somebody has edited
            return None


def _verdict(program: str, row: Sequence[Json]) -> Verdict:
    fields: dict[str, Json] = dict(zip(_COLUMNS, row, strict=False))
    return Verdict(**fields, program=program, groups=json.loads(row[-1]))
