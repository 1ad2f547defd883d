"""pytest-mcode's door: hooks of at most ten lines, each delegates.

Only pytest and the standard library are imported here. The rest of the plug-in is registered when
a benchmark is asked for, so that an ordinary test run pays for the options alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_mcode.plugin import options

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_mcode.core.records import Task
    from pytest_mcode.plugin.fixtures import Box, Model, Result
    from pytest_mcode.session.cells import Cell

MARKER = (
    "mcode(bench, limit, tasks, model, samples, debug_iters): parametrize this test with the tasks "
    "of a benchmark (pytest-mcode)"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    options.add(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare the hooks through which components are added."""
    from pytest_mcode.plugin import hookspecs

    pluginmanager.add_hookspecs(hookspecs)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Commands that run no test."""
    if not options.names_command(config):
        return None
    from pytest_mcode.plugin import commands

    return commands.run(config)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Start benchmark mode if it is asked for."""
    options.join_lists(config)
    config.addinivalue_line("markers", MARKER)
    if config.getoption("dist", "no") != "no":
        from pytest_mcode.plugin import controller

        config.pluginmanager.register(controller.Controller(config), "mcode-controller")
    if options.names_benchmark(config) and not options.names_command(config):
        _activate(config).begin(config)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give tests with `mcode_*` fixtures their cells."""
    if "mcode_cell" in metafunc.fixturenames:
        _activate(metafunc.config)
        from pytest_mcode.plugin import collection

        collection.parametrize(metafunc)


def _activate(config: pytest.Config) -> Any:
    from pytest_mcode.plugin import active

    active.register(config)
    return active


@pytest.fixture
def mcode_cell(request: pytest.FixtureRequest) -> Cell:
    """The item's cell (task x variant); parametrized by the mark `mcode`."""
    raise pytest.UsageError(f'{request.node.nodeid} needs @pytest.mark.mcode(bench="humaneval")')


@pytest.fixture
def mcode_task(mcode_cell: Cell) -> Task:
    """The item's task, a `core.records.Task`."""
    return mcode_cell.task


@pytest.fixture
def mcode_model(mcode_cell: Cell, request: pytest.FixtureRequest) -> Model:
    """The item's model, behind Mellea; `ask(prompt)` gives a `core.records.Answer`."""
    from pytest_mcode.plugin import fixtures

    return fixtures.Model(mcode_cell, request.config)


@pytest.fixture
def mcode_sandbox(mcode_cell: Cell, request: pytest.FixtureRequest) -> Box:
    """The sandbox; `verify(answer)` gives a `core.records.Verdict` and is recorded."""
    from pytest_mcode.plugin import fixtures

    return fixtures.Box(mcode_cell, request)


@pytest.fixture
def mcode_attempt(mcode_cell: Cell, request: pytest.FixtureRequest) -> Callable[[], Result]:
    """Draw, verify and repair as the variant says; calling it gives a recorded `Result`."""
    from pytest_mcode.plugin import fixtures

    return fixtures.attempt(mcode_cell, request)
