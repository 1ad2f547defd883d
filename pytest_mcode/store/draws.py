"""Answers that are in the database already, for whoever is about to ask a model the same again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pytest_mcode.core.records import Answer, Json, Message
from pytest_mcode.store import connection as opening
from pytest_mcode.store.lookup import Lookup

REFUSED = "context_overflow"
"""The server answered nothing: what does not fit today may fit tomorrow, and asking is cheap."""
OWN = "own:"
"""Before the digest of a draw that nobody but its own run may find again."""
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
WRITTEN = {name: _COLUMNS[name] for name in ("text", "thinking")}
"""Of these what stands in `draws` as JSON."""
_TEXTS = f"SELECT {', '.join(_COLUMNS.values())}, prompt, options"
_FIND = tuple(
    f"{_TEXTS} FROM {table} WHERE draw = ? AND draw <> '' AND finish_reason <> '{REFUSED}'"
    for table in ("attempts", "calls")
)
_NEWEST = " ORDER BY rowid DESC LIMIT 1"
_COST = ("calls", "queue_s", "request_s")
_DRAWN = f"{_TEXTS}, {', '.join(_COST)}, reused, draw FROM draws"
_WAITING = f"{_DRAWN} WHERE draw IN (?, ?) AND run_id = ? ORDER BY reused, rowid DESC LIMIT 1"
"""Of those that this run has drawn and not verified yet."""
_ELSEWHERE = f"{_DRAWN} WHERE draw = ? AND finish_reason <> '{REFUSED}'"


class Drawn(Lookup):
    """Looks answers up by the digest of all that decides a draw.

    `run` is who asks. What waits for its verification there is given back as it was drawn. Without
    `others` nothing is taken from another run: only what the other processes of this one have
    drawn, or it itself before it was interrupted.
    """

    def __init__(self, path: Path, run: str = "", *, others: bool = True) -> None:
        super().__init__(path, opening.BUSY_S)
        self._run = run
        self._others = others

    def find(self, draw: str) -> Answer | None:
        """The newest answer stored with that digest; one of another run cost nothing now."""
        plain = draw.removeprefix(OWN)
        try:
            if rows := self.rows(_WAITING, (plain, OWN + plain, self._run)):
                return _as_drawn(rows[0])
            return self._measured(draw) if draw == plain else None
        except (ValueError, TypeError):  # a row that somebody has edited
            return None

    def _measured(self, draw: str) -> Answer | None:
        only, values = ("", (draw,)) if self._others else (" AND run_id = ?", (draw, self._run))
        for find in _FIND:
            if rows := self.rows(f"{find}{only}{_NEWEST}", values):
                return _answer(draw, rows[0])
        if self._others and (rows := self.rows(_ELSEWHERE + _NEWEST, (draw,))):
            return replace(_as_drawn(rows[0]), calls=0, queue_s=0.0, request_s=0.0, reused=True)
        return None


def _answer(draw: str, row: Sequence[Json]) -> Answer:
    """Taken from elsewhere: no call, no time."""
    return Answer(**_fields(row), calls=0, draw=draw, reused=True)


def _as_drawn(row: Sequence[Json]) -> Answer:
    known, (*cost, reused, draw) = row[: -2 - len(_COST)], row[-2 - len(_COST) :]
    costs: dict[str, Json] = dict(zip(_COST, cost, strict=True))
    return Answer(**_unwritten(_fields(known)), **costs, reused=bool(reused), draw=draw)


def _fields(row: Sequence[Json]) -> dict[str, Json]:
    *columns, messages, options = row
    return {
        **dict(zip(_COLUMNS, columns, strict=True)),
        "messages": tuple(Message(**message) for message in json.loads(messages)),
        "options": json.loads(options),
    }


def _unwritten(fields: dict[str, Json]) -> dict[str, Json]:
    return fields | {name: json.loads(fields[name]) for name in WRITTEN}
