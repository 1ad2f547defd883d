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
    done: int
    """Items that are measured."""
    drawn: int
    """Items that are drawn and not measured."""


def announced(reader: Reader) -> list[Announced]:
    """All runs, newest first."""
    found = reader.rows(
        "SELECT run_id, command, process, settings,"
        " count(item_id), coalesce(sum(state = 'done'), 0), coalesce(sum(waiting > 0), 0)"
        " FROM runs LEFT JOIN items USING (run_id) GROUP BY run_id"
        " ORDER BY started DESC, runs.rowid DESC"
    )
    return [
        Announced(run_id, command, process, json.loads(parts), bool(planned), done, drawn)
        for run_id, command, process, parts, planned, done, drawn in found
    ]


def done(reader: Reader, run_id: str) -> frozenset[str]:
    """Node ids of the items whose verdicts are stored."""
    sql = "SELECT nodeid FROM items WHERE run_id = ? AND state = 'done'"
    return frozenset(row[0] for row in reader.rows(sql, (run_id,)))


def drawn(reader: Reader, run_id: str) -> frozenset[str]:
    """Node ids of the items that are drawn and wait for their verification."""
    sql = "SELECT nodeid FROM items WHERE run_id = ? AND waiting > 0"
    return frozenset(row[0] for row in reader.rows(sql, (run_id,)))


def planned(reader: Reader, run_id: str) -> frozenset[str]:
    """Node ids of all items."""
    sql = "SELECT nodeid FROM items WHERE run_id = ?"
    return frozenset(row[0] for row in reader.rows(sql, (run_id,)))


def models(reader: Reader, run_id: str) -> dict[str, Json]:
    """Model -> what described its generator when the run was planned."""
    sql = "SELECT model, json_extract(settings, '$.model') FROM variants WHERE run_id = ?"
    return {model: json.loads(parts) for model, parts in reader.rows(sql, (run_id,)) if parts}


def draws(reader: Reader, run_id: str) -> list[tuple[str, int, int, bool]]:
    """Per measured or drawn item: node id, draws, draws that passed, whether the first did."""
    found = reader.rows(
        "SELECT nodeid, max(samples_generated, waiting),"
        " coalesce(json_extract(solved_by, '$[0]'), 0), first_passed"
        " FROM items WHERE run_id = ? AND (state = 'done' OR waiting > 0)",
        (run_id,),
    )
    return [(nodeid, samples, passed, bool(first)) for nodeid, samples, passed, first in found]
