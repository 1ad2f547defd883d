"""Outcomes travel on pytest's reports; the controller writes them to the database."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_mcode.core.errors import McodeError
from pytest_mcode.core.records import Outcome, Variant
from pytest_mcode.plugin import options, resume
from pytest_mcode.plugin import state as states
from pytest_mcode.plugin.fixtures import Unsolved

if TYPE_CHECKING:
    from pytest_mcode.plugin.state import State
    from pytest_mcode.session.cells import Cell
    from pytest_mcode.store.database import Store


VERDICTS = (AssertionError, pytest.fail.Exception)
"""How a test says that the answer was not good enough; anything else is a failure of machinery."""


DRAWN = "drawn"
LETTERS = {"infra": "I", "unsolved": "u", DRAWN: "d"}
"""Kind of a report -> how the terminal shows it."""


_CELL = "[*]"
"""The end of a test's id that has no parameters besides its cell."""


def variant_key(variant: Variant) -> str:
    """A variant's name, unique within a run."""
    return f"{variant.benchmark}/{variant.label}"


def attach(item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport) -> None:
    """Put the item's outcome on its report, as text that crosses xdist's wire unchanged."""
    cell = states.cell_of(item)
    if cell is None:
        return
    if call.when == "teardown":
        _forget(item)
    elif report.failed or (call.when == "call" and not _skipped_unmeasured(item, report)):
        outcome = _outcome(item, cell, call)
        if outcome["infra"] and report.passed:
            report.outcome = "failed"  # what the test swallowed or forgot is not to look green
        report.mcode = json.dumps(outcome)  # type: ignore[attr-defined]
        only_draws = states.of(item.config).session.only_draws
        report.mcode_kind = _kind(call, report, outcome, only_draws)  # type: ignore[attr-defined]
        _shorten(report, call, outcome)
        if report.mcode_kind != DRAWN:
            _add_properties(item, report, outcome)


def _forget(item: pytest.Item) -> None:
    """A rerun of the item must not find what this run has left."""
    if states.OUTCOME in item.stash:
        del item.stash[states.OUTCOME]
    if states.BOX in item.stash:
        del item.stash[states.BOX]


def _skipped_unmeasured(item: pytest.Item, report: pytest.TestReport) -> bool:
    box = item.stash.get(states.BOX, None)
    measured = states.OUTCOME in item.stash or bool(box and box.attempts)
    return report.skipped and not measured


def _outcome(item: pytest.Item, cell: Cell, call: pytest.CallInfo[None]) -> dict[str, Any]:
    known = item.stash.get(states.OUTCOME, None)
    if known is not None:
        return known
    box = item.stash.get(states.BOX, None)
    error = call.excinfo.value if call.excinfo else None
    infra = ""
    if error is not None and not isinstance(error, VERDICTS):
        infra = str(error) if isinstance(error, McodeError) else f"{type(error).__name__}: {error}"
        infra = infra or type(error).__name__
    attempts = tuple(box.attempts) if box else ()
    if not infra and not attempts:
        infra = "the test neither called mcode_attempt() nor mcode_sandbox.verify(...)"
    outcome = Outcome(cell.variant, cell.task.task_id, attempts, infra, call.duration)
    return outcome.to_json()


def _kind(
    call: pytest.CallInfo[None],
    report: pytest.TestReport,
    outcome: Mapping[str, Any],
    only_draws: bool,
) -> str:
    """`infra`, `unsolved`, `drawn`, or empty for what pytest calls it: a test's own rule may fail
    too."""
    if not report.failed:
        return DRAWN if only_draws and report.skipped else ""
    if outcome["infra"]:
        return "infra"
    attempts = outcome["attempts"]
    solved = any(attempts[i]["verdict"]["status"] == "passed" for i in outcome["counts"])
    said = call.excinfo is not None and isinstance(call.excinfo.value, VERDICTS)
    return "unsolved" if said and not solved else ""


def _shorten(
    report: pytest.TestReport, call: pytest.CallInfo[None], outcome: Mapping[str, Any]
) -> None:
    error = call.excinfo.value if call.excinfo else None
    if isinstance(error, Unsolved):
        report.longrepr = writable(str(error))
    elif outcome["infra"] and report.failed:
        report.longrepr = writable(outcome["infra"])


def writable(text: str) -> str:
    """The text as terminals, XML files and xdist's wire can take it: no lone surrogate."""
    return text.encode("utf-8", "backslashreplace").decode()


def _add_properties(
    item: pytest.Item, report: pytest.TestReport, outcome: Mapping[str, Any]
) -> None:
    """For JUnit and reportlog; on the item, because JUnit reads the teardown's report."""
    from pytest_mcode.reports.properties import properties

    flat = properties(outcome, states.of(item.config).settings.prices)
    found = {k: writable(v) if isinstance(v, str) else v for k, v in flat.items()}
    item.user_properties[:] = [pair for pair in item.user_properties if pair[0] not in found]
    item.user_properties.extend(found.items())
    report.user_properties = list(item.user_properties)


def status(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """An unsolved task is `u`, a failure of the machinery `I`; neither is a red FAILURES wall. One
    that is drawn and not verified is `d`."""
    kind: str = getattr(report, "mcode_kind", "") if not report.passed else ""
    return (kind, LETTERS[kind], kind.upper()) if kind else None


class Recorder:
    """The one writer of a run, in the process that also prints the summary."""

    def __init__(self, state: State, store: Store) -> None:
        self.store = store
        self.run_id = state.session.run_id
        self.infra: set[str] = set()
        """Node ids whose machinery failed, the last time they ran."""
        self.unsolved = 0
        self.planned: dict[str, tuple[Variant, str]] = {}
        self._state = state
        self._only_draws = state.session.only_draws
        self.closed = False
        self._taken_up = False
        self.lost = ""
        """Not empty: the database refused a row, nothing was written after it."""

    def begin(self) -> None:
        """Announce the run, unless it goes on with one that was."""
        if self._state.resumed:
            return
        from pytest_mcode import __version__

        config = self._state.config
        self.store.start_run(
            self.run_id,
            command=resume.command(config),
            fingerprint_parts=resume.parts(self._state),
            version=__version__,
            git=_git(config.rootpath),
            process=resume.process(),
            study=self._state.settings.study,
        )

    def plan(self, rows: Sequence[tuple[str, Variant, str]]) -> None:
        """Write (node id, variant, task id) of every item before the first is run."""
        from pytest_mcode.store.database import PlannedItem

        new = [row for row in rows if row[0] not in self.planned]
        self.planned.update((node_id, (variant, task)) for node_id, variant, task in new)
        named = {n: _named(n, variant, task) for n, variant, task in new}
        found = {v: self._state.session.fingerprint(v) for v in {v for _, v, _ in new}}
        cells = {variant_key(named[n]): (named[n], found[v]) for n, v, _ in new}
        items = [PlannedItem(n, variant_key(named[n]), t) for n, _, t in new]
        if self._state.gate is not None:
            self._state.gate.check(cells, items)
        self.store.plan(self.run_id, cells, items)
        if self._state.resumed and not self._taken_up:
            own = resume.parts(self._state)
            self.store.take_up(self.run_id, process=resume.process(), fingerprint_parts=own)
            self._taken_up = True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Generator[None, None, None]:
        """Keep what a report carries. A database that refuses a row ends the run."""
        try:
            if not self.lost:
                self._keep(report)
        except McodeError as error:
            self.lost = str(error)
            self._state.stop(f"mcode: {error}")
        yield
        vars(report).pop("mcode", None)  # pytest keeps all reports to the end of the run

    def _keep(self, report: pytest.TestReport) -> None:
        text: str | None = getattr(report, "mcode", None)
        if text is not None:
            outcome = json.loads(text)
            keep = self.store.keep_draws if self._only_draws else self.store.record
            keep(self.run_id, report.nodeid, outcome)
            (self.infra.add if outcome["infra"] else self.infra.discard)(report.nodeid)
            self.unsolved += report.failed and report.mcode_kind == "unsolved"
            if self._state.gate is not None and not outcome["infra"]:
                self._state.gate.hear(report.nodeid, self.store)
        elif report.failed and report.nodeid in self.planned:
            message = "the worker process died while it ran this item"
            if report.when == "teardown":
                message = f"teardown failed: {report.longreprtext[-300:]}"
            self.store.record_infra(self.run_id, report.nodeid, message)
            self.infra.add(report.nodeid)

    def finish(self) -> None:
        """Note the end of the run, unless it was refused before its first item."""
        refused = self._state.resumed and not self._taken_up
        if self.closed or self.lost or refused:
            return
        try:
            self.store.finish_run(self.run_id)
        except McodeError as error:
            self.lost = str(error)

    def close(self) -> None:
        """Close the database; safe to call twice."""
        self.closed = True
        self.store.close()


def _named(node_id: str, variant: Variant, task_id: str) -> Variant:
    """The variant as it is stored: that of a project's test has the test in its name.

    Otherwise, where several measure the same cell, a task would count twice in the denominator, or
    tests that ask for different things would share one rate. The name depends on the test and its
    parameters alone, not on what else was selected: two runs are compared by these names.
    """
    test = _test(node_id, f"{task_id}-{variant.label}")
    if test.endswith(_CELL):
        test = test.removesuffix(_CELL)
        if test.startswith("mcode/") or options.is_yaml(test):
            return variant
    strategy = "user:" if variant.strategy.startswith("user:") else f"{variant.strategy}@"
    return replace(variant, strategy=f"{strategy}{test}")


def _test(node_id: str, cell: str) -> str:
    """The node id with a star for the cell, whose letters beyond ASCII pytest may have escaped."""
    written = cell if cell in node_id else cell.encode("unicode_escape").decode("ascii")
    return node_id.replace(written, "*")


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
