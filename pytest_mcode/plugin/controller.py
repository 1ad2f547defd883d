"""In the controller of pytest-xdist, which collects nothing and knows only ids.

Registered whenever tests are distributed, because only the workers find out whether a project has
tests that measure something. It costs such a project two attributes per worker.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from pytest_mcode.plugin import state as states
from pytest_mcode.plugin import xdist

RETRIES = 2
"""Times that an item is given to another worker after the one that ran it died."""


class Controller:
    """Hands the run's identity to the workers and takes their plan from the first of them."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        token = os.urandom(8).hex()
        self._plan = Path(tempfile.gettempdir()) / f"mcode-plan-{token}" / "plan.json"
        self.servers = self._plan.with_name("servers")
        """The socket at which workers ask for the address of a model server."""
        self._crashes: Counter[str] = Counter()
        self._late = False
        """The run turned out to measure something when its loop had begun."""

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Send run id, and the places of the plan and of the model servers, to a worker."""
        state = states.of(self._config)
        node.workerinput["mcode_run_id"] = state.run_id
        node.workerinput["mcode_plan"] = str(self._plan)
        node.workerinput["mcode_servers"] = str(self.servers)
        if state.done:
            from pytest_mcode.plugin import plan_folder

            plan_folder.own(self._plan.parent)
            done = self._plan.with_name("done.json")
            done.write_text(json.dumps(sorted(state.done)))
            node.workerinput["mcode_done"] = str(done)
        if state.benches:
            node.workerinput["mcode_sandbox"] = state.session.sandbox_kind
            node.workerinput["mcode_host_factor"] = state.session.host_factor

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self) -> None:
        """Write the plan to the store before the first item is given out."""
        recorder = states.of(self._config).recorder
        if (recorder is None or not recorder.planned) and self._plan.exists():
            self._write(json.loads(self._plan.read_text()))

    def _write(self, plan: dict[str, Any]) -> None:
        from pytest_mcode.core.errors import McodeError
        from pytest_mcode.core.records import Variant
        from pytest_mcode.plugin import active, plan_folder, preparation

        plan_folder.sweep()
        state = states.of(self._config)
        self._late = not self._config.pluginmanager.has_plugin(active.NAME)
        active.register(self._config)
        state.session.names.adopt(plan["names"])
        rows = [(node_id, Variant(**variant), task) for node_id, variant, task in plan["rows"]]
        try:
            preparation.write_plan(state, rows)
        except McodeError as error:
            state.close()
            pytest.exit(f"mcode: {error}", returncode=pytest.ExitCode.USAGE_ERROR)
        taken = {
            "sandbox": state.session.sandbox_kind,
            "host_factor": state.session.host_factor,
        }
        self._plan.with_name("taken.json").write_text(json.dumps(taken))
        state.session.rest()

    def end(self) -> None:
        """Let the workers run nothing more."""
        self._plan.with_name(xdist.OVER).touch()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, Any, Any]:
        """The exit status, where the hooks of a measuring run came too late for this one."""
        from pytest_mcode.plugin import loop

        try:
            return (yield)
        finally:
            if self._late:
                loop.count_failures(session)

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
        shutil.rmtree(self._plan.parent, ignore_errors=True)
