"""Around the run of the items: plan, look-ahead, exit status, the end."""

from __future__ import annotations

import gc
from collections.abc import Generator
from dataclasses import asdict
from itertools import chain, islice
from typing import Any

import pytest

from pytest_mcode.core.errors import McodeError
from pytest_mcode.plugin import gate, preparation, resume, turns, xdist
from pytest_mcode.plugin import state as states


def plan(session: pytest.Session) -> None:
    """Write every item's cell to the store before the first one runs."""
    config, state = session.config, states.of(session.config)
    state.pytest_session = session
    ours = [(item, cell) for item in session.items if (cell := states.cell_of(item))]
    if not ours or config.getoption("collectonly"):
        return
    _import_what_items_need()
    gc.freeze()  # what is there stays: a run's garbage is found without walking through all of it
    resume.leave_out(session)
    turns.arrange(session)
    state.order = {item.nodeid: i for i, item in enumerate(session.items)}
    if state.worker is not None:
        rows = [(i.nodeid, asdict(c.variant), c.task.task_id) for i, c in ours]
        xdist.leave_plan(config, {"rows": rows, "names": state.session.names.to_json()})
        return
    try:
        preparation.write_plan(state, [(i.nodeid, c.variant, c.task.task_id) for i, c in ours])
    except McodeError as error:
        state.close()
        raise states.usage(config, error) from error


def _import_what_items_need() -> None:
    """Now, while no other thread runs: pytest's import hook parses our source into a tree, answers
    are parsed ahead in the engine's thread, and CPython 3.11 fails when two threads do
    (`SystemError: AST constructor recursion depth mismatch`, gh-106905)."""
    import pytest_mcode.reports.properties  # noqa: F401


def run_ahead(item: pytest.Item) -> None:
    """Start the work of the next items while this one is awaited."""
    state = states.of(item.config)
    cell = states.cell_of(item)
    if cell is None:
        return
    if state.worker is not None:
        xdist.adopt(item.config)
    state.session.take_turn(cell.variant)
    items = item.session.items
    following = xdist.upcoming(item.config, items)
    if following is None:
        following = islice(items, state.order.get(item.nodeid, 0) + 1, None)
    cells = (
        (i.nodeid, cell)
        for i in chain([item], following)
        if (cell := states.cell_of(i)) is not None and "mcode_attempt" in _fixture_names(i)
    )
    state.lookahead.start(cells, refill=state.worker is None)


def _fixture_names(item: pytest.Item) -> list[str]:
    names: list[str] = getattr(item, "fixturenames", [])
    return names


def finish(session: pytest.Session) -> None:
    """Note the end of the run and stop everything but the database, which the summary reads."""
    state = states.of(session.config)
    gc.unfreeze()
    state.stop_session()
    if state.resumed and session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
        session.exitstatus = pytest.ExitCode.OK  # nothing was left to do
    if state.gate is not None:
        session.exitstatus = state.gate.exit_status(int(session.exitstatus))
    if state.recorder is not None and state.worker is None:
        state.recorder.finish()


def exit_status(session: pytest.Session) -> Generator[None, Any, Any]:
    """A finished measurement is 0 however many tasks are unsolved; infra errors count."""
    try:
        return (yield)
    finally:
        count_failures(session)


def count_failures(session: pytest.Session) -> None:
    """Take unsolved tasks out of pytest's count, and see that nothing red is missing in it."""
    recorder = states.of(session.config).recorder
    if recorder is not None and states.of(session.config).worker is None:
        session.testsfailed -= recorder.unsolved
        session.testsfailed += bool(recorder.lost or recorder.infra)
    gate.conclude(session)
