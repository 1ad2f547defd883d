"""What the gate has decided of runs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytest_mcode.core.records import Json
from pytest_mcode.core.words import counted
from pytest_mcode.store.reader import Reader


@dataclass(frozen=True)
class GateRow:
    """One decision."""

    run_id: str
    decided: str
    """UTC, ISO 8601."""
    status: str
    """`held`, `regression`, `below` (of `--mcode-fail-under`) or `inconclusive`."""
    baseline: str
    """Empty for `--mcode-fail-under`."""
    record: Mapping[str, Json]
    """`gate.rule.Decision` in plain values."""

    @property
    def stopped(self) -> str:
        """`after 24 of 120 tasks (regression)` where it ended the run early; else empty."""
        early = self.record.get("rule", {}).get("early") and self.status != "inconclusive"
        for cell in self.record["judgements"] if early else ():
            if cell["tasks"] < cell["planned"]:
                return (
                    f"after {cell['tasks']:,} of {counted(cell['planned'], 'task')} ({self.status})"
                )
        return ""


def decisions(reader: Reader, run_ids: Sequence[str]) -> tuple[GateRow, ...]:
    """The decisions of the runs, newest first."""
    marks = ", ".join("?" * len(run_ids))
    found = reader.rows(
        f"SELECT run_id, decided, status, baseline, record FROM gates WHERE run_id IN ({marks})"
        " ORDER BY decided DESC, rowid DESC",
        run_ids,
    )
    return tuple(
        GateRow(run, at, status, base, json.loads(r)) for run, at, status, base, r in found
    )


def newest(reader: Reader, run_ids: Sequence[str]) -> tuple[GateRow, ...]:
    """The last word on each run against each baseline, newest first."""
    found: dict[tuple[str, str], GateRow] = {}
    for decision in decisions(reader, run_ids):
        found.setdefault((decision.run_id, decision.baseline), decision)
    return tuple(found.values())
