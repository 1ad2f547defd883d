"""What the gate has decided, as the page shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytest_mcode.core.records import Json
from pytest_mcode.reports.html_cells import Cell
from pytest_mcode.store import gates
from pytest_mcode.store.reader import Reader

HEAD = ("variant", "rate", "baseline", "this run", "won, lost", "tasks", "decision")


@dataclass(frozen=True)
class Gate:
    """The last decision on a run against one baseline."""

    status: str
    against: str
    run_id: str
    rows: tuple[tuple[Cell, ...], ...]
    """As `HEAD`; empty where nothing was evaluated."""


def decided(reader: Reader, run_ids: Sequence[str]) -> tuple[Gate, ...]:
    """The newest decision of each run and baseline."""
    return tuple(
        Gate(
            decision.status,
            decision.baseline,
            decision.run_id,
            tuple(_row(j, bool(decision.baseline)) for j in decision.record.get("judgements", ())),
        )
        for decision in gates.newest(reader, run_ids)
    )


def _row(found: Mapping[str, Json], has_baseline: bool) -> tuple[Cell, ...]:
    return (
        Cell(str(found["label"])),
        Cell(str(found["metric"])),
        Cell(f"{100 * found['old']:.1f} %" if has_baseline else ""),
        Cell(f"{100 * found['new']:.1f} %"),
        Cell(f"{len(found['won'])}, {len(found['lost'])}"),
        Cell(f"{found['tasks']} of {found['planned']}"),
        Cell(str(found["status"]), str(found["reason"])),
    )
