"""`--mcode-gate` and `--mcode-fail-under`: a run is decided on, and the exit status says how."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_mcode.core.errors import ConfigError, McodeError
from pytest_mcode.core.records import Json, Variant
from pytest_mcode.gate import baseline as baselines
from pytest_mcode.gate import early, foresight, lines, matching, rule
from pytest_mcode.gate.baseline import Baseline
from pytest_mcode.gate.measurement import Measurement, stored
from pytest_mcode.plugin import options, xdist
from pytest_mcode.plugin import state as states
from pytest_mcode.store import queries

if TYPE_CHECKING:
    from pytest_mcode.plugin.state import State
    from pytest_mcode.store.database import PlannedItem, Store
    from pytest_mcode.store.queries import Filters
    from pytest_mcode.store.reader import Reader

Plan = Mapping[str, tuple[Variant, Mapping[str, Json]]]
"""Label -> variant and its fingerprint."""

Wanted = Mapping[Variant, Set[str]]
"""What is to be measured, as far as it is known: variant -> task ids."""

COLOURS = {"held": "green", "inconclusive": "yellow", "regression": "red", "below": "red"}

DECIDABLE = (
    pytest.ExitCode.OK,
    pytest.ExitCode.TESTS_FAILED,
    pytest.ExitCode.NO_TESTS_COLLECTED,
)
"""Ends of pytest in whose place the gate may put its own."""


def begin(config: pytest.Config) -> None:
    """Read rule and baseline before anything is collected. Raises `pytest.UsageError`."""
    state = states.of(config)
    if not options.asks_gate(config) or state.worker is not None or config.option.collectonly:
        return
    try:
        wanted: dict[Variant, set[str]] = {}
        for bench in state.benches:
            for cell in state.session.cells(bench):
                wanted.setdefault(cell.variant, set()).add(cell.task.task_id)
        state.gate = Gate(state, wanted, state.run_id)
    except McodeError as error:
        raise states.usage(config, error) from error


class Gate:
    """Decides on one run, in the process that prints the summary."""

    def __init__(self, state: State, wanted: Wanted, run_id: str) -> None:
        get = options.Resolved(state.config)
        self.rule = _rule(get)
        self.baseline = _baseline(get, state.settings.db, wanted, run_id)
        self.export = _export(get)
        self.decisions: tuple[rule.Decision, ...] = ()
        """By the baseline and by the floor, whichever was asked for."""
        self.problem = ""
        """Why no baseline file was written although one was asked for."""
        self.over = False
        """It is decided before all tasks were run."""
        self._watch: early.Watch | None = None
        self._cells: dict[str, tuple[str, str]] = {}
        """Node id -> label of its variant, task id."""
        self._run_id = run_id
        self._state = state
        self._say: Callable[[str], None] = state.say

    def check(self, plan: Plan, items: Sequence[PlannedItem]) -> None:
        """Refuse what cannot be compared, and say what can be shown; before the first draw."""
        if self.baseline is None:
            return
        planned = _planned(plan, items)
        pairs = matching.pairs(self.baseline, planned)
        foresights = [foresight.foresee(self.rule, pair) for pair in pairs]
        said = lines.before(self.rule, self.baseline.source, foresights)
        if self.rule.early:
            said += lines.looks(planned, self._state.settings.sampling.seed)
            self._watch = early.Watch(planned)
            self._cells = {i.nodeid: (i.variant_label, i.task_id) for i in items}
            for nodeid in self._state.done & self._cells.keys():
                self._watch.add(*self._cells[nodeid])
        for line in said:
            self._say(line)

    def hear(self, nodeid: str, store: Store) -> None:
        """An item is stored; when a look is due, decide whether to go on."""
        if self._watch is None or self.over or not self._watch.add(*self._cells[nodeid]):
            return
        self.decide(store)
        self.over = self.decisions[0].status != "inconclusive"
        workers = self._state.config.pluginmanager.get_plugin("mcode-controller")
        if self.over and workers is not None:
            workers.end()

    def decide(self, reader: Reader | None) -> None:
        """Decide on what is stored of the run; without a reader nothing was evaluated."""
        new = stored(reader, self._run_id) if reader is not None else ()
        found = []
        if self.baseline is not None:
            pairs = matching.pairs(self.baseline, new)
            decide = early.decide if self.rule.early else rule.decide
            found.append(decide(self.rule, pairs, self.baseline.source))
        if self.rule.floor is not None:
            found.append(rule.floor(self.rule, new))
        self.decisions = tuple(found)
        if self.export is not None:
            self.problem = _written(self.export, reader, self._run_id, new)

    def remember(self, store: Store) -> None:
        """Keep the decisions with their run."""
        for decision in self.decisions:
            kept = decision.to_json()
            store.keep_gate(self._run_id, decision.status, decision.baseline, kept)

    def fail(self, reason: str) -> None:
        """Nothing can be decided on."""
        source = self.baseline.source if self.baseline is not None else ""
        self.decisions = (rule.Decision("inconclusive", (), self.rule, source, notes=(reason,)),)

    def exit_status(self, status: int) -> int:
        """The gate's own, unless pytest ended for another reason (Ctrl-C, wrong usage)."""
        if status not in DECIDABLE:
            return status
        found = {decision.exit_status for decision in self.decisions} - {0}
        if 1 in found or (self.problem and not found):
            return 1
        return max(found, default=status)

    def write(self, reporter: pytest.TerminalReporter) -> None:
        """Print the decision."""
        every = reporter.config.get_verbosity() > 0
        for decision in self.decisions:
            reporter.section("mcode gate", sep="=")
            *told, last = lines.after(decision, reporter._tw.fullwidth, every=every)
            for line in told:
                reporter.write_line(line)
            reporter.write_line(last, bold=True, **{COLOURS[decision.status]: True})
        if self.problem:
            reporter.write_line(self.problem, red=True)
        elif self.export is not None:
            shown = options.Resolved(reporter.config).value("gate-export")
            reporter.write_line(f"baseline written to {shown}")


def arrange(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With `--mcode-gate-early` the order of the tasks is drawn, so that any start is a sample.

    Models still come one after another. xdist gives each worker a row of items: what comes first
    stands at the head of each row.
    """
    state = states.of(config)
    ours = {i: cell for i, item in enumerate(items) if (cell := states.cell_of(item))}
    if not ours or not options.Resolved(config).value("gate-early"):
        return
    seed, rows = state.settings.sampling.seed, (state.worker or {}).get("workercount", 1)
    models = list(dict.fromkeys(cell.variant.model for cell in ours.values()))
    drawn = sorted({cell.task.task_id for cell in ours.values()}, key=lambda t: early.rank(seed, t))
    place = {task: (number % rows, number // rows) for number, task in enumerate(drawn)}

    def key(index: int) -> tuple[int, ...]:
        row, number = place[ours[index].task.task_id]
        return row, models.index(ours[index].variant.model), number

    arranged = [items[i] for i in sorted(ours, key=key)]
    for index, item in zip(ours, arranged, strict=True):
        items[index] = item


def is_over(item: pytest.Item) -> bool:
    """Whether the gate has decided, so that an item of a benchmark need not run."""
    if states.cell_of(item) is None:
        return False
    state = states.of(item.config)
    if state.worker is not None:
        return xdist.is_over(state.worker)
    return state.gate is not None and state.gate.over


def conclude(session: pytest.Session) -> None:
    """Decide on the run, and let pytest's own status agree: its summary knows no 20."""
    state = states.of(session.config)
    gate, recorder = state.gate, state.recorder
    measured = recorder is not None and bool(recorder.planned)
    asked = measured or options.asks_gate(session.config, insisting=True)
    if gate is None or _refused(state) or not asked:
        return
    try:
        gate.decide(recorder.store if recorder is not None and measured else None)
        if recorder is not None and measured and not recorder.lost:
            gate.remember(recorder.store)
    except McodeError as error:
        gate.fail(str(error))
    session.testsfailed += gate.exit_status(0) != 0


def summary(reporter: pytest.TerminalReporter) -> None:
    """The decision, below the rates."""
    state = states.of(reporter.config)
    if state.gate is not None and not _refused(state):
        state.gate.write(reporter)


def _refused(state: State) -> bool:
    return state.recorder is not None and state.recorder.closed


def report(state: State, reader: Reader, filters: Filters) -> int:
    """Decide on a stored run, the newest that matches; the exit status."""
    given = options.Resolved(state.config).value("gate")
    known = [run.run_id for run in queries.runs(reader, filters) if run.counts.planned]
    run_id = next((run for run in known if run != given), "")
    if not run_id:
        raise ConfigError(
            f"--mcode-report: no run in {reader.path} matches that could be held against "
            f"{given or 'a floor'}: measure one, or name another by --mcode-run and --mcode-db"
        )
    wanted = {m.variant: m.planned for m in stored(reader, run_id)}
    gate = Gate(state, wanted, run_id)
    gate.decide(reader)
    reporter = state.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        gate.write(reporter)
    return gate.exit_status(0)


def _baseline(get: options.Resolved, db: Path, wanted: Wanted, run_id: str) -> Baseline | None:
    given, path = get.value("gate"), get.path("gate")
    if path is None:
        if get.value("gate-early"):
            raise ConfigError("--mcode-gate-early needs a baseline: give --mcode-gate=BASELINE too")
        return None
    benches = tuple(dict.fromkeys(variant.benchmark for variant in wanted))
    return baselines.find(
        given,
        path,
        db=db,
        benches=benches,
        fits=lambda found: matching.fits(found, wanted),
        new=run_id,
    )


def _rule(get: options.Resolved) -> rule.Rule:
    made = rule.Rule(
        get.value("alpha"), get.value("max-drop"), get.value("fail-under"), get.value("gate-early")
    )
    for name in ("fail-under", "gate-export"):
        if made.early and get.source(name)[0]:
            raise ConfigError(
                f"--mcode-gate-early leaves tasks out, --mcode-{name} needs all: give one of them"
            )
    return made


def _export(get: options.Resolved) -> Path | None:
    path = get.path("gate-export")
    if path is None:
        return None
    if path == get.path("gate"):
        raise ConfigError(
            "--mcode-gate-export: a gate that replaces its own baseline lets it sink drop by drop: "
            "give another file"
        )
    if not path.parent.is_dir() or path.is_dir():
        raise ConfigError(f"--mcode-gate-export={path}: give a file in a folder that exists")
    return path


def _planned(plan: Plan, items: Sequence[PlannedItem]) -> list[Measurement]:
    tasks: dict[str, set[str]] = {label: set() for label in plan}
    for item in items:
        tasks[item.variant_label].add(item.task_id)
    return [
        Measurement(label, variant, parts, {}, frozenset(tasks[label]))
        for label, (variant, parts) in plan.items()
    ]


def _written(path: Path, reader: Reader | None, run_id: str, new: Sequence[Measurement]) -> str:
    """Write the baseline; why not, if not."""
    rows = [run for run in queries.runs(reader) if run.run_id == run_id] if reader else []
    try:
        if not rows:
            raise ConfigError("--mcode-gate-export: nothing was measured, no baseline was written")
        baselines.write(path, rows[0], new)
    except McodeError as error:
        return str(error)
    return ""
