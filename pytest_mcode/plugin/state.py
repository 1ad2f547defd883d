"""What the plug-in keeps for one pytest configuration, built when first needed."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_mcode.core.errors import McodeError
from pytest_mcode.plugin import options

if TYPE_CHECKING:
    from pytest_mcode.ablation.study import Study
    from pytest_mcode.plugin.fixtures import Box
    from pytest_mcode.plugin.gate import Gate
    from pytest_mcode.plugin.recording import Recorder
    from pytest_mcode.session.cells import Cell
    from pytest_mcode.session.lifecycle import Session
    from pytest_mcode.session.lookahead import Lookahead
    from pytest_mcode.session.settings import Settings

KEY = pytest.StashKey["State"]()
BOX: pytest.StashKey[Box] = pytest.StashKey()
"""On an item: the sandbox fixture of a user's own test, which holds what it verified."""
OUTCOME = pytest.StashKey[dict[str, Any]]()
"""On an item: its outcome as plain JSON, set by `mcode_attempt`."""


class State:
    """Settings, live session and recorder of one pytest configuration."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.benches: tuple[str, ...] = ()
        """Benchmarks to collect; empty outside of benchmark mode."""
        self.node_ids: list[str] = []
        """Arguments `mcode/...` of the command line."""
        self.study: Study | None = None
        """The study that is run, and its file."""
        self.study_path: Path | None = None
        self.no_studies: list[str] = []
        """Of the YAML files among the arguments that are no studies, what they are."""
        self.recorder: Recorder | None = None
        self.gate: Gate | None = None
        """Decides on the run, if it was asked for."""
        self.pytest_session: pytest.Session | None = None
        self.order: dict[str, int] = {}
        """Node id -> position among the collected items."""
        self.proved: set[str] = set()
        """Labels of the benchmarks whose self-check this run has seen pass."""
        self.run_id: str = (self.worker or {}).get("mcode_run_id") or _new_run_id()
        self.done: frozenset[str] = frozenset()
        """Node ids that the run has measured already, before it was interrupted."""
        self.resumed = False
        """This run goes on with an earlier one, whose id it has taken."""
        self._settings: Settings | None = None
        self._session: Session | None = None
        self._lookahead: Lookahead | None = None

    @property
    def worker(self) -> dict[str, Any] | None:
        """What xdist's controller sent to this worker; None in the controller and without xdist."""
        given: dict[str, Any] | None = getattr(self.config, "workerinput", None)
        return given

    @property
    def settings(self) -> Settings:
        """The one frozen configuration. Raises `ConfigError`."""
        if self._settings is None:
            self._settings = self._make_settings()
            if self.worker and "mcode_sandbox" in self.worker:
                self.adopt(self.worker["mcode_sandbox"], self.worker["mcode_host_factor"])
        return self._settings

    def _make_settings(self) -> Settings:
        if self.study is None:
            return options.settings(self.config)
        from pytest_mcode.plugin import study

        given = options.settings(self.config, study.overlay(self.study))
        return replace(given, **study.changed(given, self.study))

    def adopt(self, sandbox: str, host_factor: int) -> None:
        """Take the sandbox that the controller has taken, with its factor; before it is started."""
        spec = replace(self.settings.sandbox_spec, host_factor=host_factor)
        self._settings = replace(self.settings, sandbox=sandbox, sandbox_spec=spec)
        if self._session is not None:
            self._session.settings = self._settings

    def adopt_run(self, run_id: str, done: frozenset[str]) -> None:
        """Go on with an earlier run; before anything is started in the name of this one."""
        self.run_id, self.done, self.resumed = run_id, done, True
        if self._session is not None:
            self._session.run_id = run_id

    @property
    def session(self) -> Session:
        """The owner of the live objects."""
        if self._session is None:
            self._session = self._make_session()
        return self._session

    @property
    def lookahead(self) -> Lookahead:
        """The items that are under way."""
        if self._lookahead is None:
            from pytest_mcode.session.lookahead import Lookahead

            self._lookahead = Lookahead(self.session)
        return self._lookahead

    def stop(self, reason: str) -> None:
        """End the run after the item that is running."""
        if self.pytest_session is not None:
            self.pytest_session.shouldfail = reason
        distributed = self.config.pluginmanager.get_plugin("dsession")
        if distributed is not None:
            distributed.shouldstop = reason

    def say(self, line: str) -> None:
        """Tell the user something before the first item runs."""
        reporter = self.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None and self.config.get_verbosity() >= 0:
            reporter.ensure_newline()
            # "collecting ...", which pytest writes again
            start = "\n" if reporter._tw.width_of_current_line else ""
            reporter.write_line(f"{start}mcode: {line}")

    def stop_session(self) -> None:
        """Stop engine, sandbox and servers; safe to call twice."""
        if self._session is not None:
            self._session.close()

    def close(self) -> None:
        """Stop what was started and let go of the database; safe to call twice."""
        try:
            self.stop_session()
        finally:
            if self.recorder is not None:
                self.recorder.close()

    def _servers(self) -> Path | None:
        """Where workers ask the controller for the address of a model server."""
        if self.worker is not None:
            return Path(self.worker["mcode_servers"])
        controller = self.config.pluginmanager.get_plugin("mcode-controller")
        if controller is None:
            return None
        from pytest_mcode.plugin import plan_folder

        servers: Path = controller.servers
        plan_folder.own(servers.parent)
        return servers

    def _make_session(self) -> Session:
        from pytest_mcode.session import builtins
        from pytest_mcode.session.lifecycle import Session
        from pytest_mcode.session.registry import Registry

        manager = self.config.pluginmanager
        if not manager.is_registered(builtins):
            manager.register(builtins, "mcode-builtins")
        registry = Registry.from_hooks(lambda name: getattr(manager.hook, name)())
        sent = self.worker or {}
        return Session(
            self.settings,
            registry,
            run_id=self.run_id,
            servers=self._servers(),
            remote=self.worker is not None,
            workers=sent.get("workercount", 1),
            say=self.say,
        )


def of(config: pytest.Config) -> State:
    """The state of a configuration."""
    if KEY not in config.stash:
        config.stash[KEY] = State(config)
    return config.stash[KEY]


def cell_of(item: pytest.Item) -> Cell | None:
    """The cell of an item, None for tests that are not ours."""
    callspec = getattr(item, "callspec", None)
    return callspec.params.get("mcode_cell") if callspec else None


def usage(config: pytest.Config, error: McodeError) -> pytest.UsageError:
    """Exit status 4, before anything has run: one line, and with `-v` a stranger's traceback."""
    return pytest.UsageError(f"mcode: {explained(config, error)}")


def explained(config: pytest.Config, error: McodeError) -> str:
    """What the error says, and with `-v` where a stranger's code raised what is behind it."""
    notes = getattr(error, "__notes__", []) if config.get_verbosity() > 0 else []
    return "\n".join([str(error), *notes])


def benchmark_mode(config: pytest.Config, registered: Sequence[str]) -> tuple[str, ...]:
    """The benchmarks to collect, empty if this is an ordinary test run.

    Benchmark mode starts with `--mcode-bench`, with node ids `mcode/...`, with the environment
    or ini value where no path is given and a model is configured, or with `-k` naming a
    registered benchmark while a model is configured.
    """
    resolved = options.Resolved(config)
    given: tuple[str, ...] = resolved.value("bench")
    if resolved.on_command_line("bench"):
        return given
    if not resolved.value("model") or config.args_source is config.ArgsSource.ARGS:
        return ()
    if given:
        return given
    keyword = config.getoption("keyword", "") or ""
    return tuple(name for name in registered if name in keyword.replace("(", " ").split())


def _new_run_id() -> str:
    return time.strftime("%Y%m%d-%H%M%S-", time.gmtime()) + os.urandom(2).hex()
