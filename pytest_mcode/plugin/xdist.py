"""The glue to pytest-xdist; registered only where xdist is."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_mcode.core.records import Variant
from pytest_mcode.plugin import state as states

RETRIES = 2
"""Times that an item is given to another worker after the one that ran it died."""


class Controller:
    """The controller knows only ids: the first worker leaves the plan in a file for it."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._folder = tempfile.TemporaryDirectory(prefix="mcode-plan-")
        self._crashes: Counter[str] = Counter()

    @property
    def _plan(self) -> Path:
        return Path(self._folder.name) / "plan.json"

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Send run id, server addresses and the place of the plan to a worker."""
        session = states.of(self._config).session
        node.workerinput["mcode_run_id"] = session.run_id
        node.workerinput["mcode_addresses"] = dict(session.addresses)
        node.workerinput["mcode_plan"] = str(self._plan)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self) -> None:
        """Write the plan to the store before the first item is given out."""
        recorder = states.of(self._config).recorder
        if recorder is None or recorder.planned or not self._plan.exists():
            return
        rows = json.loads(self._plan.read_text())
        recorder.plan([(node_id, Variant(**variant), task) for node_id, variant, task in rows])
        states.of(self._config).session.rest()

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self, crashitem: str, report: Any, sched: Any) -> None:
        """Give an item whose worker died to another one, a few times."""
        recorder = states.of(self._config).recorder
        if recorder is None or crashitem not in recorder.planned:
            return
        self._crashes[crashitem] += 1
        if self._crashes[crashitem] <= RETRIES:
            sched.mark_test_pending(crashitem)
            report.outcome = "rerun"

    def pytest_unconfigure(self) -> None:
        """Remove the plan's folder."""
        self._folder.cleanup()


def leave_plan(config: pytest.Config, rows: list[Any]) -> None:
    """In the first worker: leave the plan for the controller, atomically."""
    worker = states.of(config).worker
    if not worker or worker.get("workerid") != "gw0" or "mcode_plan" not in worker:
        return
    target = Path(worker["mcode_plan"])
    draft = target.with_suffix(".new")
    draft.write_text(json.dumps(rows))
    draft.rename(target)


def upcoming(config: pytest.Config, items: list[pytest.Item]) -> Iterator[pytest.Item] | None:
    """The items this worker has been given; None outside of a worker.

    Reads the queue of xdist's worker, which has no public name; without it there is no look-ahead.
    """
    if states.of(config).worker is None:
        return None
    for plugin in config.pluginmanager.get_plugins():
        queue = getattr(plugin, "torun", None)
        if queue is not None:
            following = getattr(plugin, "nextitem_index", None)
            with queue.lock() as waiting:
                indices = [i for i in (following, *waiting) if isinstance(i, int)]
            return iter([items[i] for i in indices])
    return iter(())
