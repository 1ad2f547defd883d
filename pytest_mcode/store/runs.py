"""What was announced of earlier runs, for one that goes on with them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from pytest_mcode.core.records import Json
from pytest_mcode.store.reader import Reader


@dataclass(frozen=True)
class Announced:
    """A run as it was announced, and whether its plan was written."""

    run_id: str
    command: str
    process: str
    """Who wrote it last; empty in files of earlier versions."""
    parts: Mapping[str, Json]
    """Of its fingerprint."""
    planned: bool


def announced(reader: Reader) -> list[Announced]:
    """All runs, newest first."""
    found = reader.rows(
        "SELECT run_id, command, process, settings,"
        " EXISTS (SELECT 1 FROM items WHERE items.run_id = runs.run_id)"
        " FROM runs ORDER BY started DESC, rowid DESC"
    )
    return [
        Announced(run_id, command, process, json.loads(parts), bool(planned))
        for run_id, command, process, parts, planned in found
    ]


def done(reader: Reader, run_id: str) -> frozenset[str]:
    """Node ids of the items whose verdicts are stored."""
    sql = "SELECT nodeid FROM items WHERE run_id = ? AND state = 'done'"
    return frozenset(row[0] for row in reader.rows(sql, (run_id,)))


def draws(reader: Reader, run_id: str) -> list[tuple[str, int, int, bool]]:
    """Per measured item: node id, draws, draws that passed, whether the first did."""
    found = reader.rows(
        "SELECT nodeid, samples_generated, coalesce(json_extract(solved_by, '$[0]'), 0),"
        " first_passed FROM items WHERE run_id = ? AND state = 'done'",
        (run_id,),
    )
    return [(nodeid, samples, passed, bool(first)) for nodeid, samples, passed, first in found]
