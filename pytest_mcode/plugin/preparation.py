"""What the controller does before the first item: all that can fail early, fails here."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pytest_mcode.core.errors import ConfigError, DataError, McodeError
from pytest_mcode.core.records import Variant
from pytest_mcode.plugin import options, outputs, progress
from pytest_mcode.plugin import state as states
from pytest_mcode.plugin.recording import Recorder

if TYPE_CHECKING:
    from pytest_mcode.plugin.state import State
    from pytest_mcode.session.selfcheck import SelfCheck
    from pytest_mcode.store.database import Store

DIST_MODES = ("no", "load", "worksteal")
"""With the others a killed worker hangs or loses items."""


def check_distribution(config: pytest.Config) -> None:
    """Refuse xdist modes that lose items; prefer work stealing, which keeps workers ahead."""
    mode = config.getoption("dist", "no")
    if mode not in DIST_MODES:
        raise pytest.UsageError(
            f"mcode: --dist={mode} hangs or loses items when a worker dies: "
            "use --dist=load or --dist=worksteal"
        )
    if mode == "load":
        config.option.dist = "worksteal"


def prepare(session: pytest.Session) -> None:
    """Open the database, start servers, check models, build the sandbox, prove the benchmarks."""
    state = states.of(session.config)
    state.pytest_session = session
    if state.worker is not None or session.config.getoption("collectonly"):
        return
    try:
        _refuse_ignored(state, [name for name, _ in outputs.asked(state)])
        if state.benches or state.resumed:
            open_recorder(state)
    except McodeError as error:
        state.close()
        raise states.usage(session.config, error) from error


def open_recorder(state: State) -> Recorder:
    """The checks in the order in which they are cheap. Raises `McodeError`."""
    from pytest_mcode.store.database import Store

    outputs.asked(state)  # a path that cannot be one is told now
    recorder = state.recorder = Recorder(state, Store.open(state.settings.db))
    state.config.pluginmanager.register(recorder, "mcode-recorder")
    state.session.models.preflight()
    if state.config.getoption("dist", "no") == "no":  # else the workers ask, each for itself
        state.session.warm_up()
    for bench in state.benches:
        require_proof(state, recorder.store, bench)
    recorder.begin()
    return recorder


def _refuse_ignored(state: State, written: Sequence[str]) -> None:
    """What a run would ignore, or show nowhere, is a mistake; it is found before the run."""
    get = options.Resolved(state.config)
    for name in options.OF_STORED[:-1]:
        if get.on_command_line(name):
            raise ConfigError(
                f"--mcode-{name} is for what is stored: run first, then --mcode-report"
            )
    if get.on_command_line("compare") and not outputs.COMPARING & set(written):
        pages = ", ".join(f"--mcode-{name}=FILE" for name in sorted(outputs.COMPARING))
        raise ConfigError(f"--mcode-compare needs --mcode-report, or a page to stand on: {pages}")


def write_plan(state: State, rows: Sequence[tuple[str, Variant, str]]) -> None:
    """Write (node id, variant, task id) of all items, their benchmarks proved. `McodeError`."""
    recorder = state.recorder or open_recorder(state)
    for bench in dict.fromkeys(variant.benchmark for _, variant, _ in rows):
        require_proof(state, recorder.store, bench)
    recorder.plan(rows)
    for line in stray_prices(options.Resolved(state.config), {v.model for _, v, _ in rows}):
        state.say(line)
    progress.begin(state)


def stray_prices(get: options.Resolved, models: Collection[str]) -> list[str]:
    """A line for each price on the command line that is of none of these models."""
    if not get.on_command_line("price"):
        return []
    named = [name for name, *_ in get.value("price")]
    known = ", ".join(sorted(models))
    return [
        f"--mcode-price: {name!r} is none of the models that are measured: {known}"
        for name in named
        if name and name not in models
    ]


def require_proof(state: State, store: Store, bench: str) -> None:
    """Prove a benchmark on its data; raises `DataError` when it fails."""
    from pytest_mcode.session.settings import bench_label

    if bench_label(bench) in state.proved or state.session.only_draws:
        return
    check, remembered = self_check(state, store, bench)
    state.say(check.line + (" (remembered)" if remembered else ""))
    if not check.passed:
        raise DataError(
            f"{check.line}: no number of it can be believed; "
            f"see `pytest --mcode-self-check --mcode-bench={bench}`"
        )
    state.proved.add(bench_label(bench))


def self_check(state: State, store: Store, bench: str) -> tuple[SelfCheck, bool]:
    """A benchmark's self-check and whether it was remembered from the same data and sandbox."""
    from pytest_mcode import __version__
    from pytest_mcode.core.fingerprint import digest
    from pytest_mcode.session import selfcheck, strangers
    from pytest_mcode.store.reader import SelfCheck as Row

    session = state.session
    dataset = session.dataset(bench)
    facts = dict(session.sandbox.describe())
    version = str(facts.get("verdict", ""))
    image = digest({**facts, "limits": str(state.settings.limits), "version": __version__})
    known = store.self_check(dataset.benchmark, dataset.sha256, image, version)
    # The code of a project's own parts has no version, and may have changed since.
    ours = all(strangers.ships(part) for part in (session.benchmark(bench), session.sandbox))
    if known is not None and known.passed and ours:
        if not known.tasks:  # of a version that did not note it
            store.remember_check(replace(known, tasks=len(dataset.tasks)))
        return selfcheck.SelfCheck(dataset.benchmark, len(dataset.tasks), ()), True
    done = selfcheck.run(session.benchmark(bench), dataset, session.sandbox, state.settings.limits)
    key = (dataset.benchmark, dataset.sha256, image, version)
    row = Row(*key, done.passed, done.line, done.tasks)
    store.remember_check(row)
    return done, False
