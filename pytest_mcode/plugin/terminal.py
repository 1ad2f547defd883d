"""What the terminal shows; `reports` computes the lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_mcode.core.errors import McodeError
from pytest_mcode.core.words import counted
from pytest_mcode.plugin import outputs
from pytest_mcode.plugin import state as states

if TYPE_CHECKING:
    from pytest_mcode.plugin.state import State
    from pytest_mcode.store.queries import Filters

WIDTH = 80
"""Columns of what is said before the first item runs."""


PHASES = {
    "generate": "mcode: this run draws; what it draws waits for --mcode-phase=verify",
    "verify": "mcode: this run verifies what was drawn; no model is asked",
}


def header(config: pytest.Config) -> list[str]:
    """Who is measured on what, and where the results go."""
    state = states.of(config)
    if not state.benches or state.worker is not None:
        return []
    from pytest_mcode.reports.layout import wrapped

    settings = state.settings
    lines = []
    for bench in state.benches:
        found = state.session.dataset(bench)
        digest = f"(sha256 {found.sha256[:12]})"
        lines.append(f"mcode: {found.benchmark}, {counted(len(found.tasks), 'task')} {digest}")
        lines.append(f"  from {found.origin}")
    if settings.study:
        lines += wrapped(f"mcode: study {settings.study}: {settings.question}", WIDTH)
    grid = f"samples {_list(settings.samples)}, debug iterations {_list(settings.debug_iters)}"
    grid += "".join(f", {name} {_list(values)}" for name, values in settings.vary)
    named = f"mcode: models {_list(settings.models)}; {grid}; database {_shown(state)}"
    lines += wrapped(named, WIDTH)
    if settings.phase:
        lines.append(PHASES[settings.phase])
    if state.resumed:
        done = "" if settings.phase == "verify" else f", {counted(len(state.done), 'item')} done"
        lines.append(f"mcode: going on with run {state.run_id}{done}")
    return lines


def summary(reporter: pytest.TerminalReporter) -> None:
    """The rates of this run, read back from the database."""
    state = states.of(reporter.config)
    recorder = state.recorder
    if recorder is None or recorder.closed or not recorder.planned:
        return
    from pytest_mcode.reports import study, study_text, text
    from pytest_mcode.reports import summary as summaries
    from pytest_mcode.store.queries import Filters

    try:
        named = (state.settings.study,) if state.settings.study else ()
        filters, width = Filters(run=(recorder.run_id,), study=named), reporter._tw.fullwidth
        given = recorder.store, filters, state.settings.prices
        if named:
            lines = study_text.lines(study.examine(*given), width)
        else:
            lines = text.lines(summaries.summarize(*given), width)
    except McodeError as error:
        lines = [f"no summary: {error}"]
    else:
        lines += _files(state, filters)
    _unsolved(reporter)
    reporter.section("mcode", sep="=")
    for line in lines:
        reporter.write_line(line)
    if recorder.lost:
        reporter.write_line(f"RESULTS WERE LOST: {recorder.lost}", red=True, bold=True)


def _files(state: State, filters: Filters) -> list[str]:
    """The files that were asked for; where one cannot be written the exit status is not 0."""
    assert state.recorder is not None
    try:
        return outputs.write(state, state.recorder.store, filters)
    except McodeError as error:
        session = state.pytest_session
        if session is not None and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        return [f"NOT WRITTEN: {error}"]


def _unsolved(reporter: pytest.TerminalReporter) -> None:
    """With `-v` why each task is unsolved, in a line; with `-vv` the end of its error too."""
    verbosity = reporter.config.get_verbosity()
    found = reporter.stats.get("unsolved", []) if verbosity > 0 else []
    if found:
        reporter.section("unsolved tasks", sep="=")
    for report in found:
        first, *rest = str(report.longrepr or "").splitlines() or [""]
        for line in _why(report.nodeid, first, reporter._tw.fullwidth):
            reporter.write_line(line)
        for line in rest if verbosity > 1 else []:
            reporter.write_line(f"    {line}")


def _why(nodeid: str, reason: str, width: int) -> list[str]:
    """On one line where it fits, else the reason below the id, which is never cut."""
    from pytest_mcode.reports.layout import wrapped

    line = f"{nodeid}: {reason}"
    if len(line) <= width:
        return [line]
    return [f"{nodeid}:", *(f"    {part}" for part in wrapped(reason, width - 4))]


def _list(values: tuple[object, ...]) -> str:
    return ", ".join(map(str, values))


def _shown(state: State) -> str:
    db = state.settings.db
    root = state.config.rootpath
    return str(db.relative_to(root) if db.is_relative_to(root) else db)
