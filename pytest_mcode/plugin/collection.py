"""Tasks become items: a packaged test module under a virtual node `mcode/<benchmark>`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from pytest_mcode.core.errors import ConfigError, McodeError
from pytest_mcode.plugin import mark_fields, options, phase, resume, study
from pytest_mcode.plugin import state as states

if TYPE_CHECKING:
    from pytest_mcode.plugin.state import State
    from pytest_mcode.session.cells import Cell

PREFIX = "mcode/"


class Suite(pytest.Module):
    """The items of one benchmark.

    Its path is the root directory: with a file's path, `--lf` would skip the whole suite as soon
    as an ordinary file of the project has a failure.
    """

    bench: str

    def _getobj(self) -> ModuleType:
        return _module((self.bench,), str(self.config.rootpath / self.nodeid))


class StudyFile(pytest.Module):
    """The items of a study, under the file that says what they are."""

    def _getobj(self) -> ModuleType:
        return _module(states.of(self.config).settings.benches, str(self.path))


def study_file(file_path: Path, parent: pytest.Collector) -> StudyFile | None:
    """The collector of the run's study; None for any other file."""
    if file_path.resolve() != states.of(parent.config).study_path:
        return None
    return StudyFile.from_parent(parent, path=file_path)


def _module(benches: Sequence[str], place: str) -> ModuleType:
    module = ModuleType(f"mcode_{_slug(benches[0])}")
    module.__file__ = __file__
    for bench in benches:
        name = f"test_{_slug(bench)}"
        test = _test_function(name, module.__name__, place)
        test.mcode_bench = bench
        setattr(module, name, test)
    return module


def _slug(bench: str) -> str:
    return re.sub(r"\W", "_", _label(bench))


def _label(bench: str) -> str:
    from pytest_mcode.session.settings import bench_label

    return bench_label(bench).replace(":", "-")


def _test_function(name: str, module: str, place: str) -> Any:
    def test(mcode_attempt: Any) -> None:
        mcode_attempt().check()

    # with the file of this module `-vv` and JUnit would point into the installed package
    test.__code__ = test.__code__.replace(co_filename=place)
    test.__name__ = test.__qualname__ = name
    test.__module__ = module
    return test


def start(config: pytest.Config) -> None:
    """Decide on benchmark mode and check, before anything is collected, all that was named."""
    state = states.of(config)
    state.node_ids = [arg for arg in config.args if arg.startswith(PREFIX)]
    if state.node_ids:
        config.args[:] = [arg for arg in config.args if not arg.startswith(PREFIX)]
    try:
        if any(options.is_yaml(str(arg)) for arg in config.args):
            study.take(state)
        registered = () if _plain(state) else state.session.registry.names("benchmark")
        state.benches = states.benchmark_mode(config, registered)
        if state.study is not None:
            state.benches = state.settings.benches
        if state.node_ids and not state.benches:
            state.benches = tuple(dict.fromkeys(_bench_of(state, n) for n in state.node_ids))
        phase.check(state)
        resume.take_up(state)
        if state.benches:
            _check(state)
    except McodeError as error:
        raise states.usage(config, error) from error
    named = config.args_source is config.ArgsSource.ARGS or state.study is not None
    if state.benches and not named:
        config.args[:] = []


def _plain(state: State) -> bool:
    """No keyword that could name a benchmark: the cheap path of every ordinary run."""
    config = state.config
    if state.study is not None or not config.getoption("keyword", ""):
        return True
    return not options.Resolved(config).value("model")


def _bench_of(state: State, node_id: str) -> str:
    name = node_id.removeprefix(PREFIX).partition("::")[0]
    known = [*state.settings.benches, *state.session.registry.names("benchmark")]
    for bench in known:
        if _label(bench) == name:
            return bench
    head, _, argument = name.partition("-")
    return f"{head}:{argument}" if argument else name


def _check(state: State) -> None:
    from pytest_mcode.session.cells import check_strategies, check_tasks

    settings, session = state.settings, state.session
    study.check_output(state)
    if not settings.models:
        raise ConfigError(
            f"benchmark {state.benches[0]!r} needs a model: --mcode-model=NAME "
            "(tiny, gold and garbage need no server)"
        )
    check_strategies(session.registry, settings)
    session.registry.factory("generator", settings.backend)  # also where no bare name needs it
    if settings.sandbox != "auto":
        session.registry.factory("sandbox", settings.sandbox)
    for model in settings.models:
        session.models.check(model)
    ahead = state.worker is None and not state.config.getoption("collectonly")
    ahead = ahead and not session.only_draws
    if ahead:
        session.confinement.prepare()
    for bench in state.benches:
        next(session.cells(bench), None)
    check_tasks([session.dataset(bench) for bench in state.benches], settings.tasks)
    if ahead:
        session.confinement.begin()


def suites(session: pytest.Session) -> list[Suite]:
    """One collector per benchmark of benchmark mode."""
    state, found = states.of(session.config), []
    for bench in () if state.study is not None else state.benches:
        node_id = PREFIX + _label(bench)
        suite = Suite.from_parent(
            session, path=session.config.rootpath, nodeid=node_id, name=node_id
        )
        suite.bench = bench
        found.append(suite)
    return found


def explained(session: pytest.Session) -> Generator[None, Any, Any]:
    """Collection; where pytest finds nobody who takes a YAML file, with the reason of ours."""
    try:
        return (yield)
    except pytest.UsageError as error:
        said = states.of(session.config).no_studies
        if not said:
            raise
        raise pytest.UsageError(f"mcode: {said[0]}") from error


def parametrize(metafunc: pytest.Metafunc) -> None:
    """Give every test that uses an `mcode_*` fixture its cells."""
    if "mcode_cell" not in metafunc.fixturenames:
        return
    state = states.of(metafunc.config)
    left_out = phase.leaves_out(state, metafunc)
    cells = [] if left_out else list(_cells(metafunc, state))
    if not cells:
        reason = "no model: give --mcode-model, MCODE_MODEL or the ini value mcode_model"
        mark = pytest.mark.skip(reason=left_out or reason)
        params = [pytest.param(None, id="no-phase" if left_out else "no-model", marks=mark)]
    else:
        again = _never_again(metafunc.config)
        params = [pytest.param(cell, id=cell.id, marks=(_mark(cell), *again)) for cell in cells]
    metafunc.parametrize("mcode_cell", params)


def _cells(metafunc: pytest.Metafunc, state: State) -> Iterator[Cell]:
    bench = getattr(metafunc.function, "mcode_bench", None)
    if bench is not None:
        yield from state.session.cells(bench)
        return
    from pytest_mcode.session.cells import check_tasks

    own = "" if "mcode_attempt" in metafunc.fixturenames else f"user:{metafunc.function.__name__}"
    mark = metafunc.definition.get_closest_marker("mcode")
    if mark is None or "bench" not in mark.kwargs:
        raise pytest.Collector.CollectError(
            f"mcode: {metafunc.definition.nodeid}: a test with mcode fixtures needs "
            '@pytest.mark.mcode(bench="humaneval")'
        )
    try:
        narrowed = mark_fields.narrowed(state.settings, mark.kwargs)
        if narrowed.models:
            narrowed = replace(narrowed, strategy=own or narrowed.strategy)
            cells = state.session.cells(mark.kwargs["bench"], narrowed)
            if "tasks" in mark.kwargs:
                check_tasks([state.session.dataset(mark.kwargs["bench"])], narrowed.tasks)
            yield from cells
    except McodeError as error:
        nodeid = metafunc.definition.nodeid
        said = states.explained(metafunc.config, error)
        raise pytest.Collector.CollectError(f"mcode: {nodeid}: {said}") from error


def _never_again(config: pytest.Config) -> list[pytest.MarkDecorator]:
    """Where pytest-rerunfailures is at work: a task that is drawn until it is solved measures
    nothing, so `--reruns` is for other tests."""
    return [pytest.mark.flaky(reruns=0)] if config.pluginmanager.has_plugin("rerunfailures") else []


def _mark(cell: Cell) -> pytest.MarkDecorator:
    variant = cell.variant
    return pytest.mark.mcode(
        bench=variant.benchmark,
        task=cell.task.task_id,
        model=variant.model,
        samples=variant.samples,
        debug_iters=variant.debug_iters,
    )


def select(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep only the items named by `mcode/...` arguments; one without a match is an error."""
    wanted = states.of(config).node_ids
    if not wanted:
        return
    kept: list[pytest.Item] = []
    dropped: list[pytest.Item] = []
    hit: set[str] = set()
    for item in items:
        matches = [w for w in wanted if _matches(item.nodeid, w)]
        hit.update(matches)
        named = bool(matches) or not item.nodeid.startswith(PREFIX)
        (kept if named else dropped).append(item)
    missing = [w for w in wanted if w not in hit]
    if missing:
        near = difflib.get_close_matches(missing[0], [item.nodeid for item in items], 1)
        cure = f"did you mean {near[0]}?" if near else "see --collect-only"
        items.clear()  # pytest ends the collection all the same, and would plan them
        raise pytest.UsageError(f"mcode: no such item: {missing[0]}: {cure}")
    items[:] = kept
    if dropped:
        config.hook.pytest_deselected(items=dropped)


def _matches(node_id: str, wanted: str) -> bool:
    return node_id == wanted or node_id.startswith((wanted + "::", wanted + "["))
