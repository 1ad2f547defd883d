"""The hooks of a run that measures something; registered by the door when one begins."""

from __future__ import annotations

import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from pytest_mcode.core import parsing
from pytest_mcode.plugin import (
    collection,
    gate,
    interrupts,
    json_report,
    loop,
    preparation,
    recording,
    terminal,
)
from pytest_mcode.plugin import state as states

NAME = "mcode-active"


def register(config: pytest.Config) -> None:
    """Join the run, once."""
    manager = config.pluginmanager
    if manager.has_plugin(NAME):
        return
    manager.register(sys.modules[__name__], NAME)
    manager.register(json_report, "mcode-json-report")


def begin(config: pytest.Config) -> None:
    """Enter benchmark mode."""
    preparation.check_distribution(config)
    collection.start(config)
    gate.begin(config)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Who is measured on what."""
    return terminal.header(config)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Let all that can fail early fail before collection."""
    preparation.prepare(session)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, Any, Any]:
    """Add the benchmarks' suites to what the session collects."""
    report = yield
    if isinstance(collector, pytest.Session):
        report.result = [*report.result, *collection.suites(collector)]
    return report


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, Any, Any]:
    """Say why a YAML file that nobody collects is no study."""
    return (yield from collection.explained(session))


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """The file of the study that is run."""
    return collection.study_file(file_path, parent)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep what node ids on the command line name."""
    collection.select(config, items)
    gate.arrange(config, items)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Write the plan before the first item runs."""
    loop.plan(session)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> bool | None:
    """Keep the next items under way, until the gate needs no more of them."""
    if gate.is_over(item):
        return True
    loop.run_ahead(item)
    return None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put the outcome on the report."""
    if call.excinfo is not None:  # with --pdb also Ctrl-C
        interrupts.make_readable(call.excinfo.value)
    with parsing.ALONE:
        report = yield
    recording.attach(item, call, report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_keyboard_interrupt(
    excinfo: pytest.ExceptionInfo[BaseException],
) -> Generator[None, Any, Any]:
    """Let pytest say where it was interrupted."""
    interrupts.make_readable(excinfo.value)
    with parsing.ALONE:
        return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """`u` for unsolved, `I` for infra."""
    return recording.status(report)


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, Any, Any]:
    """Unsolved tasks are results, not failures of the run."""
    with interrupts.kept(session.config):
        return (yield from loop.exit_status(session))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The rates of this run."""
    terminal.summary(terminalreporter)
    gate.summary(terminalreporter)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Cancel requests and stop sandbox and servers."""
    loop.finish(session)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Whatever happened: leave no thread, socket, container or open database."""
    states.of(config).close()
