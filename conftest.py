"""Shared by all tests: where the real data lie, and what CI must not skip."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

collect_ignore_glob = ["tests/hostile*"]  # never imported on the bare machine, whatever their names
DATA = Path(__file__).parent.parent / "shared" / "data"
# Else each of the runs that tests start would compile and rewrite all our modules for itself: that
# is two thirds of its time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# pytester gives each test a home of its own, into which each would fetch numpy for the sandbox.
os.environ.setdefault("XDG_CACHE_HOME", str(Path.home() / ".cache"))
REQUIRED_IN_CI = ("docker", "bubblewrap")
"""Marks of tests that a CI run may not skip: there both sandboxes are installed first."""


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder with the real data sets."""
    if not DATA.is_dir():
        pytest.skip("the data sets are not beside the checkout (../shared/data)")
    return DATA


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest tests first: at the end one worker would be alone with them."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Turn a skipped sandbox test into a failure where CI says that sandboxes are there."""
    report = yield
    marked = [name for name in REQUIRED_IN_CI if item.get_closest_marker(name)]
    if report.skipped and marked and os.environ.get("MCODE_REQUIRE_SANDBOXES"):
        report.outcome = "failed"
        report.longrepr = (
            f"{marked[0]} is required here but the test was skipped: {report.longrepr}"
        )
    return report
