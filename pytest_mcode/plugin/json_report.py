"""pytest-json-report is given each item's outcome, where it is installed."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_mcode.plugin import state as states


@pytest.hookimpl(optionalhook=True)
def pytest_json_runtest_metadata(item: pytest.Item, call: pytest.CallInfo[None]) -> dict[str, Any]:
    """The outcome's flat properties, under `metadata.mcode` of the test's entry."""
    if call.when != "call" or states.cell_of(item) is None or states.OUTCOME not in item.stash:
        return {}
    from pytest_mcode.reports.properties import properties

    outcome = item.stash[states.OUTCOME]
    return {"mcode": properties(outcome, states.of(item.config).settings.prices)}


@pytest.hookimpl(optionalhook=True)
def pytest_json_modifyreport(json_report: dict[str, Any]) -> None:
    """Strip outcomes from the copies of the reports that json-report keeps."""
    for test in json_report.get("tests", []):
        for phase in ("setup", "call", "teardown"):
            for name in ("mcode", "mcode_kind"):
                test.get(phase, {}).pop(name, None)
