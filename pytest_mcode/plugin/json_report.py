"""JUnit XML and pytest-json-report are given what the run and, the latter, its items came to."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_mcode.core.errors import McodeError
from pytest_mcode.plugin import state as states


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Give JUnit's suite the run's rates as properties, before it is written."""
    manager = session.config.pluginmanager
    manager.register(JsonReport(session.config), "mcode-json-report-of-the-run")
    for plugin in manager.get_plugins():
        add = getattr(plugin, "add_global_property", None)
        if add is not None:
            for name, value in _run(session.config).items():
                add(name, value)


@pytest.hookimpl(optionalhook=True)
def pytest_json_runtest_metadata(item: pytest.Item, call: pytest.CallInfo[None]) -> dict[str, Any]:
    """The outcome's flat properties, under `metadata.mcode` of the test's entry."""
    if call.when != "call" or states.cell_of(item) is None or states.OUTCOME not in item.stash:
        return {}
    from pytest_mcode.reports.properties import properties

    outcome = item.stash[states.OUTCOME]
    return {"mcode": properties(outcome, states.of(item.config).settings.prices)}


class JsonReport:
    """The run's rates in the JSON report, under `mcode`; of the process that writes it."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @pytest.hookimpl(optionalhook=True)
    def pytest_json_modifyreport(self, json_report: dict[str, Any]) -> None:
        """Add them, and strip outcomes from the copies of the reports that json-report keeps."""
        json_report["mcode"] = _run(self._config)
        gate = states.of(self._config).gate
        if gate is not None and "exitcode" in json_report:
            json_report["exitcode"] = gate.exit_status(json_report["exitcode"])
        for test in json_report.get("tests", []):
            for phase in ("setup", "call", "teardown"):
                for name in ("mcode", "mcode_kind"):
                    test.get(phase, {}).pop(name, None)


def _run(config: pytest.Config) -> dict[str, Any]:
    recorder = states.of(config).recorder
    if recorder is None or not recorder.planned:
        return {}
    from pytest_mcode.reports.run_properties import run_properties

    try:
        return dict(run_properties(recorder.store, recorder.run_id))
    except McodeError:
        return {}  # the summary says why there are none
