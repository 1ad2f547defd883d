"""The one writer of a results database."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from pytest_mcode.core.errors import StoreError
from pytest_mcode.core.fingerprint import differing, digest
from pytest_mcode.core.records import Json, Variant
from pytest_mcode.store import connection as opening
from pytest_mcode.store.outcomes import attempt_row, call_row, draw_rows, numbers, text, to_json
from pytest_mcode.store.reader import Reader, SelfCheck


@dataclass(frozen=True)
class PlannedItem:
    """One item that a run is going to measure."""

    nodeid: str
    """pytest's id, unique in the run."""
    variant_label: str
    """Key of its variant in the plan."""
    task_id: str


class Store(Reader):
    """Writes a results database: one transaction per call, so a kill loses only items in flight.

    Every method raises `StoreError` (locked, disk full, read-only, damaged) and leaves the file as
    it was before the call; the store stays usable. Texts are stored as `outcomes.text` says.
    """

    @classmethod
    def open(cls, path: Path, *, busy_s: float = opening.BUSY_S) -> Self:
        """Open or create, with its folder. Waits up to `busy_s` seconds for other writers."""
        return cls(path, opening.open_writer(path, busy_s))

    @staticmethod
    def read(path: Path) -> Reader:
        """Open an existing file without writing to it."""
        return Reader(path, opening.open_reader(path))

    def start_run(
        self,
        run_id: str,
        *,
        command: str,
        fingerprint_parts: Mapping[str, Json],
        version: str,
        git: str = "",
        process: str = "",
        study: str = "",
        started: datetime | None = None,
    ) -> None:
        """Announce a run. A known run id is taken up again if its fingerprint is the same."""
        parts = dict(fingerprint_parts)
        with self._transaction():
            known = self._connection.execute(
                "SELECT settings FROM runs WHERE run_id = ?", (run_id,)
            ).fetchone()
            if known:
                self._refuse_differences(f"run {run_id}", known[0], parts)
                self._connection.execute(
                    "UPDATE runs SET finished = NULL WHERE run_id = ?", (run_id,)
                )
                return
            self._connection.execute(
                "INSERT INTO runs (run_id, started, command, version, git, fingerprint, settings,"
                " process, study) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    run_id,
                    stamp(started),
                    text(command),
                    version,
                    git,
                    digest(parts),
                    to_json(parts),
                    process,
                    study,
                ),
            )

    def take_up(self, run_id: str, *, process: str, fingerprint_parts: Mapping[str, Json]) -> None:
        """Go on with a run that was interrupted; the time since then is its pause."""
        parts = dict(fingerprint_parts)
        kept = {"fingerprint": digest(parts), "settings": to_json(parts)}
        last = "coalesce(finished, (SELECT max(recorded) FROM items WHERE run_id = :run), started)"
        with self._transaction():
            self._connection.execute(
                "UPDATE runs SET finished = NULL, process = :process, paused_s = paused_s"
                f" + max(0, 86400 * (julianday(:now) - julianday({last}))),"
                " fingerprint = :fingerprint, settings = :settings WHERE run_id = :run",
                {"run": run_id, "process": process, "now": stamp(None), **kept},
            )

    def plan(
        self,
        run_id: str,
        variants: Mapping[str, tuple[Variant, Mapping[str, Json]]],
        items: Sequence[PlannedItem],
    ) -> None:
        """Write what will be measured: label -> (variant, fingerprint parts), and the items.

        A label is unique in the run. `parts["limits"]["wall_s"]` becomes the column `timeout_s`.
        What is planned already stays as it is, so a run can be taken up again.
        """
        with self._transaction():
            ids = {
                label: self._plan_variant(run_id, label, variant, dict(parts))
                for label, (variant, parts) in variants.items()
            }
            self._connection.executemany(
                "INSERT OR IGNORE INTO items (run_id, variant_id, task_id, nodeid)"
                " VALUES (?, ?, ?, ?)",
                ((run_id, ids[i.variant_label], text(i.task_id), text(i.nodeid)) for i in items),
            )

    def _plan_variant(
        self, run_id: str, label: str, variant: Variant, parts: dict[str, Json]
    ) -> int:
        known = self._connection.execute(
            "SELECT variant_id, settings FROM variants WHERE run_id = ? AND label = ?",
            (run_id, label),
        ).fetchone()
        if known:
            return self._planned_variant(f"{label} in run {run_id}", known, parts)
        limits = parts.get("limits")
        row = {
            "run_id": run_id,
            "label": label,
            **asdict(variant),
            "timeout_s": limits.get("wall_s") if isinstance(limits, Mapping) else None,
            "fingerprint": digest(parts),
            "settings": to_json(parts),
        }
        return self._insert("variants", row)

    def _planned_variant(self, what: str, row: tuple[int, str], parts: dict[str, Json]) -> int:
        """Planned before. Who draws alone knows no sandbox (`{}`): who verifies fills it in."""
        key, known = row
        old: dict[str, Json] = json.loads(known)
        if not parts.get("sandbox", True):
            parts = {**parts, "sandbox": old.get("sandbox")}
        if not old.get("sandbox", True):
            known = to_json({**old, "sandbox": parts["sandbox"]})
            self._connection.execute(
                "UPDATE variants SET fingerprint = ?, settings = ? WHERE variant_id = ?",
                (digest(parts), to_json(parts), key),
            )
        self._refuse_differences(what, known, parts)
        return key

    def record(self, run_id: str, nodeid: str, outcome: Mapping[str, Json]) -> None:
        """Keep one item's outcome (`Outcome.to_json()`), instead of any earlier one of the item."""
        found = numbers(outcome)
        infra = text(str(outcome["infra"]))
        rows = [("attempts", attempt_row(attempt)) for attempt in outcome["attempts"]]
        rows += [("calls", call_row(call)) for call in outcome["calls"]]
        columns = {
            **asdict(found),
            "solved": None if infra else int(found.solved),
            "first_passed": int(found.first_passed),
            "solved_by": to_json(found.solved_by),
            "group_draws": to_json(found.group_draws),
            "error": text(found.error),
            "state": "infra" if infra else "done",
            "recorded": stamp(None),
            **({} if infra else {"waiting": 0}),
        }
        drawn = () if infra else ("draws",)  # which stay until they are verified
        self._keep(run_id, nodeid, columns, rows, ("attempts", "calls", *drawn))

    def keep_draws(self, run_id: str, nodeid: str, outcome: Mapping[str, Json]) -> None:
        """Keep what was drawn of an item that is to be verified later, instead of earlier draws.

        The item stays unmeasured. With an infra error it waits for nothing, but the next phase of
        drawing finds what was drawn.
        """
        infra = text(str(outcome["infra"]))
        columns = {
            "waiting": 0 if infra else len(outcome["attempts"]),
            "state": "infra" if infra else "planned",
            "error": infra,
            "recorded": stamp(None),
        }
        rows = [("draws", drawn) for drawn in draw_rows(outcome)]
        self._keep(run_id, nodeid, columns, rows, ("draws",))

    def _keep(
        self,
        run_id: str,
        nodeid: str,
        columns: Mapping[str, Json],
        rows: Sequence[tuple[str, Mapping[str, Json]]],
        replaced: Sequence[str],
    ) -> None:
        """Set an item's columns, and its rows in place of those of the tables named."""
        assignments = ", ".join(f"{name} = ?" for name in columns)
        with self._transaction():
            keys = self._item(run_id, nodeid)
            item = keys["item_id"]
            self._connection.execute(
                f"UPDATE items SET {assignments} WHERE item_id = ?", (*columns.values(), item)
            )
            for table in replaced:
                self._connection.execute(f"DELETE FROM {table} WHERE item_id = ?", (item,))
            for table, row in rows:
                self._insert(table, {**keys, **row})
            if columns["state"] == "infra":
                self._log_infra(run_id, nodeid, str(columns["error"]))

    def record_infra(self, run_id: str, nodeid: str, message: str) -> None:
        """Note a failure of the machinery; an item that is measured already stays measured.

        `nodeid` may be empty or unplanned when the failure belongs to the run and not to an item.
        """
        message = text(message)
        with self._transaction():
            self._log_infra(run_id, nodeid, message)
            self._connection.execute(
                "UPDATE items SET state = 'infra', error = ?, recorded = ?"
                " WHERE run_id = ? AND nodeid = ? AND state <> 'done'",
                (message, stamp(None), run_id, text(nodeid)),
            )

    def finish_run(self, run_id: str, finished: datetime | None = None) -> None:
        """Note that the run came to its end, complete or not."""
        with self._transaction():
            self._connection.execute(
                "UPDATE runs SET finished = ? WHERE run_id = ?", (stamp(finished), run_id)
            )

    def keep_gate(
        self, run_id: str, status: str, baseline: str, record: Mapping[str, Json]
    ) -> None:
        """Keep what the gate has decided of a run, beside earlier decisions."""
        row = {"status": status, "baseline": text(baseline), "record": to_json(record)}
        with self._transaction():
            self._insert("gates", {"run_id": run_id, "decided": stamp(None), **row})

    def remember_check(self, check: SelfCheck) -> None:
        """Keep a self-check, instead of an earlier one of the same data, image and verdict code."""
        row = {**asdict(check), "passed": int(check.passed), "detail": text(check.detail)}
        with self._transaction():
            self._insert("self_checks", {**row, "checked": stamp(None)}, "INSERT OR REPLACE")

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock, opening.speaking(self.path):
            if self._connection.in_transaction:  # a Ctrl-C came before anything could undo it
                self._connection.execute("ROLLBACK")
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def _insert(self, table: str, row: Mapping[str, Json], verb: str = "INSERT") -> int:
        marks = ", ".join("?" * len(row))
        cursor = self._connection.execute(
            f"{verb} INTO {table} ({', '.join(row)}) VALUES ({marks})", tuple(row.values())
        )
        return int(cursor.lastrowid or 0)

    def _item(self, run_id: str, nodeid: str) -> dict[str, Json]:
        """The keys that an item's rows share."""
        names = ("item_id", "run_id", "variant_id", "task_id")
        sql = f"SELECT {', '.join(names)} FROM items WHERE run_id = ? AND nodeid = ?"
        found = self._connection.execute(sql, (run_id, text(nodeid))).fetchone()
        if found is None:
            raise StoreError(f"{self.path}: {nodeid} is not in the plan of run {run_id}")
        return dict(zip(names, found, strict=True))

    def _log_infra(self, run_id: str, nodeid: str, message: str) -> None:
        self._connection.execute(
            "INSERT OR IGNORE INTO infra_errors VALUES (?, ?, ?, ?)",
            (run_id, text(nodeid), message, stamp(None)),
        )

    def _refuse_differences(self, what: str, known: str, parts: Mapping[str, Json]) -> None:
        names = differing(json.loads(known), json.loads(to_json(parts)))
        if names:
            raise StoreError(
                f"{self.path}: {what} was measured with another {', '.join(names)}: "
                "start a new run instead of taking it up again"
            )


def stamp(moment: datetime | None) -> str:
    """UTC in ISO 8601 with microseconds; now when none is given."""
    return (moment or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="microseconds")
