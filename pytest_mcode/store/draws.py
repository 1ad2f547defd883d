"""Answers that are in the database already, for whoever is about to ask a model the same again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from pytest_mcode.core.records import Answer, Json, Message
from pytest_mcode.store import connection as opening
from pytest_mcode.store.lookup import Lookup

REFUSED = "context_overflow"
"""The server answered nothing: what does not fit today may fit tomorrow, and asking is cheap."""
_COLUMNS = {
    "text": "answer",
    **{
        name: name
        for name in (
            *("form", "thinking", "prompt_tokens", "completion_tokens", "thinking_tokens"),
            "finish_reason",
        )
    },
}
"""Field of an answer -> column; the JSON of messages and options stands last."""
_FIND = tuple(
    f"SELECT {', '.join(_COLUMNS.values())}, prompt, options FROM {table}"
    f" WHERE draw = ? AND draw <> '' AND finish_reason <> '{REFUSED}'"
    for table in ("attempts", "calls")
)
_NEWEST = " ORDER BY rowid DESC LIMIT 1"


class Drawn(Lookup):
    """Looks answers up by the digest of all that decides a draw.

    With `run` only those of that run: what its other processes have drawn, or it itself before it
    was interrupted.
    """

    def __init__(self, path: Path, run: str = "") -> None:
        super().__init__(path, opening.BUSY_S)
        self._run = run

    def find(self, draw: str) -> Answer | None:
        """The newest answer stored with that digest; it cost no call and no time now."""
        only, values = (" AND run_id = ?", (draw, self._run)) if self._run else ("", (draw,))
        rows: list[tuple[Json, ...]] = []
        for find in _FIND:
            rows = rows or self.rows(f"{find}{only}{_NEWEST}", values)
        try:
            return _answer(draw, rows[0]) if rows else None
        except (ValueError, TypeError):  # a row that somebody has edited
            return None


def _answer(draw: str, row: Sequence[Json]) -> Answer:
    fields: dict[str, Json] = dict(zip(_COLUMNS, row, strict=False))
    messages = tuple(Message(**message) for message in json.loads(row[-2]))
    return Answer(
        **fields,
        messages=messages,
        options=json.loads(row[-1]),
        calls=0,
        draw=draw,
        reused=True,
    )
