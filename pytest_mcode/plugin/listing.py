"""The command `--mcode-list`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_mcode.plugin.state import State


def run(state: State) -> int:
    """Print what can be named, a line or two each."""
    from pytest_mcode.session.listing import listing

    reporter = state.config.pluginmanager.get_plugin("terminalreporter")
    for kind, entries in listing(state.session):
        if reporter is None:
            break
        reporter.write_line(kind, bold=True)
        for entry in entries:
            for line in entry.lines():
                reporter.write_line(line, red=not entry.ready)
    return 0
