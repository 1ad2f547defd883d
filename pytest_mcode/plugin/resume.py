"""Which run this is, and how an interrupted one is gone on with (`--mcode-resume`)."""

from __future__ import annotations

import json
import os
import shlex
import socket
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_mcode.core.errors import ConfigError, StoreError
from pytest_mcode.core.fingerprint import differing, digest
from pytest_mcode.core.processes import started
from pytest_mcode.core.words import counted
from pytest_mcode.plugin import options
from pytest_mcode.reports.layout import going_on

if TYPE_CHECKING:
    from pytest_mcode.plugin.state import State
    from pytest_mcode.store.runs import Announced

SECRET = "--mcode-api-key"


def parts(state: State) -> dict[str, Any]:
    """The fingerprint of a run: what its variants share, and which items it is to measure."""
    from pytest_mcode.session.settings import bench_label, label

    settings, config = state.settings, state.config
    given = config.args if config.args_source is config.ArgsSource.ARGS else []
    study = {
        "name": settings.study,
        "question": settings.question,
        "vary": [[name, list(values)] for name, values in settings.vary],
    }
    return ({"study": study} if settings.study else {}) | {
        "sampling": asdict(settings.sampling),
        "limits": asdict(settings.limits),
        "verify_times": settings.verify_times,
        "strategy": settings.strategy,
        "stop": settings.stop,
        "feedback": settings.feedback,
        **({"failing_inputs": settings.failing_inputs} if settings.failing_inputs != 1 else {}),
        "python": ".".join(map(str, sys.version_info[:2])),
        "benchmarks": [bench_label(bench) for bench in state.benches],
        "models": [label(model) for model in settings.models],
        "backend": settings.backend,
        "profiles": {n: p.to_json() for n, p in settings.profiles.items() if n in settings.models},
        "samples": list(settings.samples),
        "debug_iters": list(settings.debug_iters),
        "limit": settings.limit,
        "tasks": list(settings.tasks),
        "selection": [
            config.getoption("keyword", "") or "",
            config.getoption("markexpr", "") or "",
            *sorted([*map(str, given), *state.node_ids]),
        ],
    }


def command(config: pytest.Config) -> str:
    """The command line as it may be stored and typed again: without the key."""
    kept: list[str] = []
    given = list(map(str, config.invocation_params.args))
    for before, word in zip(["", *given], given, strict=False):
        if SECRET not in (before, word) and not word.startswith(f"{SECRET}="):
            kept.append(word)
    return shlex.join(["pytest", *kept])


def process() -> str:
    """Host, number and start of this process: no other one ever has the same."""
    return f"{socket.gethostname()} {os.getpid()} {started(os.getpid())}"


def take_up(state: State) -> None:
    """Become the run that is to be gone on with. Raises `ConfigError` or `StoreError`."""
    config = state.config
    verifying = state.settings.phase == "verify"
    asked = options.Resolved(config).value("resume") or verifying
    if not asked or state.worker is not None or config.getoption("collectonly"):
        return
    from pytest_mcode.store import runs
    from pytest_mcode.store.database import Store

    try:
        store = Store.read(state.settings.db)
    except StoreError as error:
        raise StoreError(f"{_option(state)}: {error}") from error
    with store:
        found = _chosen(state, runs.announced(store))
        done, drawn = runs.done(store, found.run_id), runs.drawn(store, found.run_id)
        if verifying:
            done = runs.planned(store, found.run_id) - drawn
        elif state.session.only_draws:
            done |= drawn
        state.adopt_run(found.run_id, done)


def _option(state: State) -> str:
    return "--mcode-phase=verify" if state.settings.phase == "verify" else "--mcode-resume"


def _chosen(state: State, known: list[Announced]) -> Announced:
    mine, db, option = parts(state), state.settings.db, _option(state)
    if not known:
        raise ConfigError(f"{option}: {db} holds no run: leave the option out")
    same = [run for run in known if _is_same(run, mine, option)]
    wanted = [run for run in same if run.drawn] if "verify" in option else []
    found = next((run for run in wanted or same if run.planned), same[0] if same else None)
    if found is None:
        last = known[0]
        names = ", ".join(differing(last.parts, json.loads(json.dumps(mine))))
        typed = going_on(last.command, verify="verify" in option)
        raise ConfigError(
            f"{option}: no run in {db} has these options; the last, {last.run_id}, has "
            f"another {names}: go on with it by `{typed}`, or leave the option out"
        )
    if "verify" in option and not found.drawn:
        raise ConfigError(
            f"{option}: no draw of run {found.run_id} waits for it ({counted(found.done, 'item')} "
            "verified): draw first, with --mcode-phase=generate"
        )
    _require_ended(found, option)
    return found


def _require_ended(run: Announced, option: str) -> None:
    host, _, rest = run.process.partition(" ")
    pid, _, start = rest.partition(" ")
    if host == socket.gethostname() and start and start == started(int(pid)):
        raise ConfigError(
            f"{option}: run {run.run_id} is still going (process {pid}): wait for it or end it"
        )


def _is_same(run: Announced, mine: dict[str, Any], option: str) -> bool:
    """Whether the options are those of a run. The Python that drew may be another than the one
    that verifies."""
    parts = dict(run.parts)
    if "verify" in option and not run.done:
        parts["python"] = mine["python"]
    return digest(parts) == digest(mine)


def leave_out(session: pytest.Session) -> None:
    """Deselect the items whose verdicts the run has stored already."""
    done = _done(session.config)
    if not done:
        return
    dropped = [item for item in session.items if item.nodeid in done]
    session.items[:] = [item for item in session.items if item.nodeid not in done]
    session.config.hook.pytest_deselected(items=dropped)


def _done(config: pytest.Config) -> frozenset[str]:
    from pytest_mcode.plugin import state as states

    state = states.of(config)
    if state.worker is None:
        return state.done
    # One list for all workers, also for one that takes the place of another later in the run.
    sent = state.worker.get("mcode_done", "")
    return frozenset(json.loads(Path(sent).read_text())) if sent else frozenset()
