"""Outcomes travel on pytest's reports; the controller writes them to the database."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_mcode.core.errors import McodeError
from pytest_mcode.core.records import Outcome, Variant
from pytest_mcode.plugin import state as states
from pytest_mcode.plugin.fixtures import Unsolved

if TYPE_CHECKING:
    from pytest_mcode.plugin.state import State
    from pytest_mcode.session.cells import Cell
    from pytest_mcode.store.database import Store


def variant_key(variant: Variant) -> str:
    """A variant's name, unique within a run."""
    return f"{variant.benchmark}/{variant.label}"


def attach(item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport) -> None:
    """Put the item's outcome on its report, as plain JSON types that cross xdist's wire."""
    cell = states.cell_of(item)
    if cell is None or (call.excinfo and call.excinfo.errisinstance(pytest.skip.Exception)):
        return
    if call.when == "call" or (call.when == "setup" and report.failed):
        outcome = _outcome(item, cell, call)
        report.mcode = json.loads(json.dumps(outcome))  # type: ignore[attr-defined]
        _shorten(report, call, outcome)
        _add_properties(item, report, outcome)


def _outcome(item: pytest.Item, cell: Cell, call: pytest.CallInfo[None]) -> dict[str, Any]:
    known = item.stash.get(states.OUTCOME, None)
    if known is not None:
        return known
    box = item.stash.get(states.BOX, None)
    error = call.excinfo.value if call.excinfo else None
    infra = ""
    if error is not None and not isinstance(error, AssertionError):
        infra = str(error) if isinstance(error, McodeError) else f"{type(error).__name__}: {error}"
    attempts = tuple(box.attempts) if box else ()
    if not infra and not attempts:
        infra = "the test neither called mcode_attempt() nor mcode_sandbox.verify(...)"
    outcome = Outcome(cell.variant, cell.task.task_id, attempts, infra, call.duration)
    return outcome.to_json()


def _shorten(
    report: pytest.TestReport, call: pytest.CallInfo[None], outcome: Mapping[str, Any]
) -> None:
    error = call.excinfo.value if call.excinfo else None
    if isinstance(error, Unsolved):
        report.longrepr = str(error)
    elif outcome["infra"]:
        report.longrepr = outcome["infra"]


def _add_properties(
    item: pytest.Item, report: pytest.TestReport, outcome: Mapping[str, Any]
) -> None:
    """For JUnit and reportlog; on the item, because JUnit reads the teardown's report."""
    from pytest_mcode.reports.properties import properties

    item.user_properties.extend(properties(outcome).items())
    report.user_properties = list(item.user_properties)


def status(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """An unsolved task is `u`, a failure of the machinery `I`; neither is a red FAILURES wall."""
    outcome = getattr(report, "mcode", None)
    if outcome is None or not report.failed:
        return None
    if outcome["infra"]:
        return "infra", "I", "INFRA"
    return "unsolved", "u", "UNSOLVED"


class Recorder:
    """The one writer of a run, in the process that also prints the summary."""

    def __init__(self, state: State, store: Store) -> None:
        self.store = store
        self.run_id = state.session.run_id
        self.infra: list[str] = []
        """Node ids whose machinery failed."""
        self.unsolved = 0
        self.planned: dict[str, tuple[Variant, str]] = {}
        self._state = state
        self.lost = ""
        """Not empty: the database refused a row, nothing was written after it."""

    def begin(self) -> None:
        """Announce the run."""
        from pytest_mcode import __version__

        config = self._state.config
        self.store.start_run(
            self.run_id,
            command=shlex.join(["pytest", *map(str, config.invocation_params.args)]),
            fingerprint_parts=run_parts(self._state),
            version=__version__,
            git=_git(config.rootpath),
        )

    def plan(self, rows: Sequence[tuple[str, Variant, str]]) -> None:
        """Write (node id, variant, task id) of every item before the first is run."""
        from pytest_mcode.store.database import PlannedItem

        new = [row for row in rows if row[0] not in self.planned]
        self.planned.update((node_id, (variant, task)) for node_id, variant, task in new)
        variants = {variant_key(variant): variant for _, variant, _ in new}
        self.store.plan(
            self.run_id,
            {k: (v, self._state.session.fingerprint(v)) for k, v in variants.items()},
            [PlannedItem(n, variant_key(v), t) for n, v, t in new],
        )

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what a report carries. A database that refuses a row ends the run."""
        if self.lost:
            return
        try:
            self._keep(report)
        except McodeError as error:
            self.lost = str(error)
            self._state.stop(f"mcode: {error}")

    def _keep(self, report: pytest.TestReport) -> None:
        outcome = getattr(report, "mcode", None)
        if outcome is not None:
            self.store.record(self.run_id, report.nodeid, outcome)
            if outcome["infra"]:
                self.infra.append(report.nodeid)
            elif report.failed:
                self.unsolved += 1
        elif report.failed and report.nodeid in self.planned:
            message = "the worker process died while it ran this item"
            if report.when == "teardown":
                message = f"teardown failed: {report.longreprtext[-300:]}"
            self.store.record_infra(self.run_id, report.nodeid, message)
            self.infra.append(report.nodeid)

    def finish(self) -> None:
        """Note the end of the run and let go of the database."""
        self.store.finish_run(self.run_id)

    def close(self) -> None:
        """Close the database; safe to call twice."""
        self.store.close()


def run_parts(state: State) -> dict[str, Any]:
    """The fingerprint parts that all variants of a run share."""
    from dataclasses import asdict

    settings = state.settings
    return {
        "sampling": asdict(settings.sampling),
        "limits": asdict(settings.limits),
        "strategy": settings.strategy,
        "feedback": settings.feedback,
        "python": ".".join(map(str, sys.version_info[:2])),
    }


def _git(root: Path) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), "describe", "--always", "--dirty"],
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
