"""Progress of a long run: a live line in a terminal, a line a minute in a log."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from pytest_mcode.plugin import live

if TYPE_CHECKING:
    from pytest_mcode.plugin.recording import Recorder
    from pytest_mcode.plugin.state import State
    from pytest_mcode.reports.progress import Look, Progress

NAME = "mcode-progress"
FIRST_S = 10.0
"""Runs that end within this time show none."""
LINE_S = 0.3
"""Between two states of the live line."""
LOG_S = 60.0
"""Between two lines of a log."""


def begin(state: State) -> None:
    """Show progress from now on, where it is wanted and there is somewhere to show it."""
    config = state.config
    reporter = _reporter(config)
    mode = state.settings.progress
    recorder = state.recorder
    if mode == "off" or config.get_verbosity() < 0 or recorder is None or reporter is None:
        return
    if config.pluginmanager.has_plugin(NAME):
        return
    try:
        file = reporter._tw._file
        screen = live.Screen(file, reporter._tw.width_of_current_line)
    except (AttributeError, OSError, ValueError):  # another reporter, or a stream without a file
        return
    in_place = file.isatty() and (mode == "line" or (mode == "auto" and _is_plain(reporter)))
    config.pluginmanager.register(Display(state, recorder, screen, in_place), NAME)


def _reporter(config: pytest.Config) -> Any:
    return config.pluginmanager.get_plugin("terminalreporter")


def _is_plain(reporter: pytest.TerminalReporter) -> bool:
    """Whether cursor movements are understood, and nobody else makes any."""
    ci = os.environ.get("CI") or os.environ.get("BUILD_NUMBER")
    own = type(reporter) is pytest.TerminalReporter
    return own and not ci and os.environ.get("TERM", "dumb") != "dumb"


class Display:
    """Hears every outcome, and writes from a thread of its own until it is stopped."""

    def __init__(
        self, state: State, recorder: Recorder, screen: live.Screen, in_place: bool
    ) -> None:
        self._state = state
        self._recorder = recorder
        self._screen = screen
        self._in_place = in_place
        self._begun = time.monotonic()
        self._reporter = _reporter(state.config)
        self._progress = _progress(state, recorder, self._begun)
        distributed = state.config.getoption("dist", "no") != "no"
        self._traffic = None if distributed else state.session.pool.traffic
        self._streams: list[tuple[object, str, object, object]] = []
        self._share(self._reporter._tw, "_file")
        if state.config.getoption("capture") == "no":
            self._share(sys, "stdout")
            if in_place and sys.stderr.isatty():
                self._share(sys, "stderr")
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, name=NAME, daemon=True)
        self._thread.start()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count an outcome."""
        text: str | None = getattr(report, "mcode", None)
        if text is not None:
            with self._screen.lock:
                self._progress.add(report.nodeid, json.loads(text), time.monotonic())

    def pytest_enter_pdb(self) -> None:
        """Leave the terminal to the debugger."""
        self.stop()

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Leave the terminal as if nothing had been there."""
        self.stop()

    def pytest_unconfigure(self) -> None:
        """The same, for a run that did not come to its end."""
        self.stop()

    def stop(self) -> None:
        """Take the line away and give the streams back; safe to call twice."""
        if self._over.is_set():
            return
        self._over.set()
        self._thread.join()
        for owner, name, before, shared in self._streams:
            if getattr(owner, name) is shared:
                setattr(owner, name, before)
        self._screen.close()

    def _share(self, owner: object, name: str) -> None:
        stream = getattr(owner, name)
        shared = live.Shared(stream, self._screen)
        setattr(owner, name, shared)
        self._streams.append((owner, name, stream, shared))

    def _serve(self) -> None:
        try:
            step = LINE_S if self._in_place else LOG_S
            if self._over.wait(FIRST_S if self._in_place else step):
                return
            while not self._over.is_set():
                with self._screen.lock:
                    self._show()
                self._over.wait(step)
        except OSError:
            return  # the terminal is closed: pytest meets that by itself

    def _show(self) -> None:
        if self._in_place:
            line = self._progress.live(self._look(), self._screen.columns - 1)
            self._screen.draw(line)
        else:
            self._reporter.ensure_newline()  # it writes the file's name anew before further dots
            start = "" if self._screen.at_left else "\n"
            self._reporter.write_line(f"{start}mcode: {self._progress.line(self._look())}")

    def _look(self) -> Look:
        from pytest_mcode.reports.progress import Look

        now, infra = time.monotonic(), len(self._recorder.infra)
        if self._traffic is None:
            return Look(now, infra=infra)
        return Look(now, self._traffic.in_flight, infra, self._traffic.completion_tokens)


def _progress(state: State, recorder: Recorder, now: float) -> Progress:
    from pytest_mcode.reports.progress import Draws, Progress
    from pytest_mcode.store import runs

    planned = recorder.planned
    rated = not state.session.only_draws
    progress = Progress((variant for variant, _ in planned.values()), now, rated=rated)
    if state.done:
        for nodeid, samples, passed, first in runs.draws(recorder.store, recorder.run_id):
            if nodeid in planned and nodeid in state.done:
                progress.earlier(*planned[nodeid], Draws(samples, passed, first))
    return progress
