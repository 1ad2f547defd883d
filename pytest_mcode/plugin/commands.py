"""Commands that run no test: `--mcode-report`, `--mcode-self-check` and `--mcode-doctor`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING

import pytest

from pytest_mcode.core.errors import ConfigError, McodeError
from pytest_mcode.plugin import listing, options, outputs, preparation
from pytest_mcode.plugin import state as states

if TYPE_CHECKING:
    from pytest_mcode.plugin.state import State
    from pytest_mcode.store.queries import Filters
    from pytest_mcode.store.reader import Reader

MOVE_NUMBERS = (
    *("strategy", "feedback", "failing-inputs", "stop", "preset", "limit", "tasks"),
    *("temperature", "top-p", "max-tokens", "seed", "stop-sequences", "context-window"),
    *("thinking", "extra", "prompt-style", "memory", "verify-times", "sandbox"),
)
"""Options of a run that `--mcode-report` does not look for in what is stored."""
OF_A_RUN = ("resume", "phase", "fresh")
"""Options that are about running, which no command does."""
OF_A_REPORT = (
    *("run", "study", "compare", "export", "labels", "output", "html", "md", "csv", "datasette"),
    *("gate", "gate-early", "gate-export", "fail-under", "price"),
)
"""Options that are about what is stored."""


def run(config: pytest.Config) -> int | None:
    """The exit status of a command, None if the options name none."""
    resolved = options.Resolved(config)
    asked = [name for name in COMMANDS if resolved.value(name)]
    if not asked:
        return None
    config._do_configure()
    state = states.of(config)
    try:
        _check(resolved, asked)
        return COMMANDS[asked[0]](state)
    except McodeError as error:
        raise states.usage(config, error) from error
    except KeyboardInterrupt:
        _write(state, f"--mcode-{asked[0]}: interrupted")
        return pytest.ExitCode.INTERRUPTED
    finally:
        state.close()
        config._ensure_unconfigure()


def _check(get: options.Resolved, asked: list[str]) -> None:
    """Refuse what the command would leave undone without a word."""
    command, *others = [f"--mcode-{name}" for name in asked]
    if others:
        raise ConfigError(f"{command} and {others[0]} are two commands: one at a time")
    run_only = [name for name in OF_A_RUN if get.on_command_line(name)]
    if run_only:
        raise ConfigError(f"{command} runs nothing: leave --mcode-{run_only[0]} out")
    stored_only = [name for name in OF_A_REPORT if get.on_command_line(name)]
    if command != "--mcode-report" and stored_only:
        raise ConfigError(
            f"{command} looks at nothing that is stored: "
            f"give --mcode-{stored_only[0]} with --mcode-report"
        )


def report(state: State) -> int:
    """Print what the database holds; the other options are filters."""
    from pytest_mcode.reports import comparison_text, overview, study, study_text, summary, text
    from pytest_mcode.reports.comparison_request import requested
    from pytest_mcode.reports.selection import select
    from pytest_mcode.session.settings import bench_label, label
    from pytest_mcode.store import queries
    from pytest_mcode.store.database import Store
    from pytest_mcode.store.queries import Filters

    get, every = options.Resolved(state.config), state.config.get_verbosity() > 0
    filters = Filters(
        bench=tuple(bench_label(b) for b in _given(get, "bench")),
        model=tuple(label(m) for m in _given(get, "model")),
        samples=_given(get, "samples"),
        debug_iters=_given(get, "debug-iters"),
        timeout=(get.value("timeout"),) if get.on_command_line("timeout") else (),
        run=(get.value("run"),) if get.value("run") else (),
        study=(get.value("study"),) if get.value("study") else (),
    )
    store = Store.read(state.settings.db)
    try:
        for run_id in filters.run:
            _require_run(store, run_id)
        if compared := get.value("compare"):
            lines = comparison_text.lines(requested(store, compared, filters), every=every)
        elif filters.study:
            lines = study_text.lines(study.examine(store, filters, state.settings.prices))
        else:
            lines = text.lines(summary.summarize(store, filters, state.settings.prices))
            lines += ["", *overview.run_lines(queries.runs(store, filters))] if every else []
        _tell(state, lines)  # before the files, of which one may not be written
        _tell(state, outputs.write(state, store, filters))
        _tell(state, _exchange(state, store, filters))
        _tell(state, _no_filters(get))
        priced = {row.variant.model for row in select(store, filters)[0]}
        _tell(state, preparation.stray_prices(get, priced))
        return _decision(state, store, filters)
    finally:
        store.close()


def _no_filters(get: options.Resolved) -> list[str]:
    """A line on options that would have changed a run, and choose nothing of what is stored."""
    ignored = [f"--mcode-{name}" for name in MOVE_NUMBERS if get.on_command_line(name)]
    if not ignored:
        return []
    return [
        f"ignored: {', '.join(ignored)}",
        "  (a report is filtered by bench, model, samples, debug-iters, timeout, run)",
    ]


def _require_run(store: Reader, run_id: str) -> None:
    """Raise `ConfigError` for a run that is not there, with the nearest that is."""
    from pytest_mcode.store import queries

    known = [run.run_id for run in queries.runs(store)]
    if run_id not in known:
        near = [*difflib.get_close_matches(run_id, known, 1), *known[:1]]
        cure = f"there is {near[0]}" if near else "it holds no run yet"
        raise ConfigError(f"--mcode-run={run_id}: no such run in {store.path}: {cure}")


def _decision(state: State, store: Reader, filters: Filters) -> int:
    if not options.asks_gate(state.config, insisting=True):
        return 0
    from pytest_mcode.plugin import gate

    return gate.report(state, store, filters)


def _exchange(state: State, store: Reader, filters: Filters) -> list[str]:
    """What was written for, or compared with, other tools."""
    from pytest_mcode.reports import labels
    from pytest_mcode.reports.selection import select
    from pytest_mcode.session import exchange

    get = options.Resolved(state.config)
    file, folder = get.path("labels"), get.path("export")
    found: list[str] = []
    if file is not None:
        found += labels.label_lines(store, select(store, filters)[0], file)
    if folder is not None:
        with outputs.named("export", folder):
            found += exchange.export(state.session, store, select(store, filters)[0], folder)
    return found


def _given(get: options.Resolved, name: str) -> tuple:  # type: ignore[type-arg]
    return get.value(name) if get.on_command_line(name) else ()


def self_check(state: State) -> int:
    """Prove benchmarks on their data, named ones or all that ship; 1 if any fails."""
    from pytest_mcode.core.errors import DataError
    from pytest_mcode.session import selfcheck

    session = state.session
    failed = False
    for bench in state.settings.benches or tuple(session.registry.names("benchmark")):
        try:
            dataset = session.dataset(bench)
        except DataError as error:
            if state.settings.benches:
                raise
            _write(state, f"self-check {bench}: not run, {error}")
            failed = True
            continue
        limits = state.settings.limits
        found = selfcheck.run(session.benchmark(bench), dataset, session.sandbox, limits)
        _write(state, found.line)
        for problem in found.problems:
            _write(state, f"  {problem}", red=True)
        failed = failed or not found.passed
    return int(failed)


def doctor(state: State) -> int:
    """Print what is ready here and what to type where it is not; 1 without any sandbox."""
    from pytest_mcode.session.doctor import Doctor, lines

    examination = Doctor(state.session)
    for finding in examination.findings():
        for line in lines(finding):
            _write(state, line, red=not finding.ok)
    if not examination.works:
        _write(state, "no sandbox works here: nothing can be verified", red=True)
    return int(not examination.works)


def _tell(state: State, lines: Iterable[str]) -> None:
    for line in lines:
        _write(state, line)


def _write(state: State, line: str, *, red: bool = False) -> None:
    reporter = state.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.write_line(line, red=red)


COMMANDS = {"report": report, "self-check": self_check, "doctor": doctor, "list": listing.run}
"""Option -> command."""
