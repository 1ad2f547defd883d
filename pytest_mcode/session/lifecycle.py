"""From settings to live objects and back: data sets, servers, generators, sandbox, engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from pytest_mcode.core.protocols import Benchmark, Generator, Sandbox
from pytest_mcode.core.records import (
    Answer,
    Dataset,
    Json,
    Outcome,
    Task,
    Variant,
    Verdict,
)
from pytest_mcode.generation import extraction, prompts, wire
from pytest_mcode.session import attempt, draws, phases, strangers, wellformed
from pytest_mcode.session.cells import Cell, limit_s, list_failing, make_benchmark, selected
from pytest_mcode.session.confinement import Confinement
from pytest_mcode.session.engine import Engine
from pytest_mcode.session.models import Models, Place
from pytest_mcode.session.names import Names
from pytest_mcode.session.registry import Registry
from pytest_mcode.session.settings import Settings, bench_label
from pytest_mcode.session.verifier import Verifier


class Session:
    """Owner of everything that must be closed. Each object is made when first asked for."""

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        *,
        run_id: str,
        servers: Path | None = None,
        remote: bool = False,
        workers: int = 1,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.settings = settings
        self.registry = registry
        self.run_id = run_id
        self.say = say
        """Tells the user what takes long or is not as it could be."""
        self.workers = workers
        """Processes that share cores and server slots with this one."""
        place = Place(servers, remote=remote, workers=workers)
        self.models = self._models(place)
        self._stack = ExitStack()
        self._benchmarks: dict[str, Benchmark] = {}
        self._datasets: dict[str, Dataset] = {}
        self._confinement: Confinement | None = None
        self.sandbox_kind = settings.sandbox
        """The one that was taken, for xdist's workers: a run never mixes two."""
        self.host_factor = settings.sandbox_spec.host_factor
        """By which it lengthens time limits; the same in all workers."""
        self._verifier: Verifier | None = None
        self._engine: Engine | None = None
        self._parts: dict[tuple[str, str, str, str], attempt.Parts] = {}
        self.names = Names()
        self._pool: draws.Pool | None = None

    def _models(self, place: Place) -> Models:
        if self.settings.phase == "verify":
            return phases.AbsentModels(self.settings, self.registry, self._drawn_models)
        return Models(self.settings, self.registry, place, self.say)

    def _drawn_models(self) -> dict[str, Json]:
        from pytest_mcode.store import runs
        from pytest_mcode.store.database import Store

        with Store.read(self.settings.db) as store:
            return runs.models(store, self.run_id)

    # What is to be run

    def benchmark(self, name: str) -> Benchmark:
        """The benchmark under a name, `name:argument`, a JSON-lines file, or a label of these."""
        key = bench_label(name)
        if key not in self._benchmarks:
            made = make_benchmark(self.registry, self.names.bench(name))
            list_failing(made, self.settings.failing_inputs)
            self._benchmarks[key] = made
        return self._benchmarks[key]

    def dataset(self, name: str) -> Dataset:
        """The tasks of a benchmark, read once."""
        key = bench_label(name)
        if key not in self._datasets:
            found = self.benchmark(name).load(self.settings.data)
            self._datasets[key] = wellformed.dataset(key, found)
        return self._datasets[key]

    def cells(self, bench: str, narrowed: Settings | None = None) -> Iterator[Cell]:
        """The items of a benchmark in the order in which they run: model, task, cell.

        `narrowed` stands in for the run's settings where a marker gives its own grid.
        """
        settings = narrowed or self.settings
        self.names.add(bench, settings.models)
        tasks = selected(self.dataset(bench), settings)
        variants = list(settings.variants(bench_label(bench)))
        for model in dict.fromkeys(v.model for v in variants):
            for task in tasks:
                yield from (Cell(task, v) for v in variants if v.model == model)

    # Who does it

    @property
    def sandbox(self) -> Sandbox:
        """The started sandbox; waits for it."""
        sandbox = self.confinement.take()
        self.sandbox_kind = self.confinement.kind
        self.host_factor = self.confinement.host_factor
        return sandbox

    @property
    def confinement(self) -> Confinement:
        """The sandbox on its way."""
        if self._confinement is None:
            self._confinement = Confinement(
                self.settings,
                self.registry,
                run_id=self.run_id,
                workers=self.workers,
                say=self.say,
            )
            self._stack.callback(self._confinement.close)
        return self._confinement

    @property
    def only_draws(self) -> bool:
        """Nothing is verified, and no sandbox is started."""
        return self.settings.phase == "generate"

    @property
    def engine(self) -> Engine:
        """The one loop of this process."""
        if self._engine is None:
            self._engine = Engine()
        return self._engine

    @property
    def verifier(self) -> Verifier:
        """Verifies for items and tests; what proves a benchmark asks the sandbox itself."""
        if self._verifier is None:
            self._verifier = Verifier.of(self.settings, self.sandbox, self.engine)
            self._stack.callback(self._verifier.close)
        return self._verifier

    @property
    def pool(self) -> draws.Pool:
        """Draws that are shared."""
        if self._pool is None:
            self._pool = draws.Pool.of(self.settings, self.run_id)
            self._stack.callback(self._pool.close)
        return self._pool

    # The work itself

    def parts(self, variant: Variant) -> attempt.Parts:
        """The live objects that the items of a variant share."""
        key = (variant.benchmark, variant.model, variant.strategy, variant.options)
        if key not in self._parts:
            own = self.settings.of(variant)
            generator = self.generator(variant)
            dataset = self.dataset(variant.benchmark)
            self._parts[key] = attempt.Parts(
                benchmark=self.benchmark(variant.benchmark),
                generator=generator,
                strategy=self.registry.make("strategy", variant.strategy),
                verify=phases.unverified if self.only_draws else self.verifier.verify,
                sampling=own.sampling,
                limits=own.limits,
                pool=self.pool,
                source=draws.source(generator, dataset, own.sampling),
                kept=self._keeps(generator),
            )
        return self._parts[key]

    def _keeps(self, generator: Generator) -> draws.Kept:
        """Who may find its draws again. What waits for its verification is always found."""
        if self.settings.phase == "verify":
            return "own"
        if draws.is_kept(generator):
            return "all"
        return "own" if self.only_draws else ""

    def generator(self, variant: Variant) -> Generator:
        """The live generator of a variant's model."""
        return self.models.generator(self.names.model(variant.model))

    def take_turn(self, variant: Variant) -> None:
        """The run has come to an item of this variant: servers of other models may go."""
        self.models.turn_to(self.names.model(variant.model))

    def in_turn(self, variant: Variant) -> str:
        """Its model, where the model's server gives way to those of others; else empty."""
        model = self.names.model(variant.model)
        return model if self.models.in_turn(model) else ""

    def warm_up(self) -> None:
        """Begin with what the first request needs. What fails now fails then again, and is told."""
        for model in self.settings.models[:1]:  # none where marks name them
            start = getattr(self.models.generator(model), "start", None)
            if start is not None:
                self.engine.submit(start())

    def submit(self, nodeid: str, cell: Cell) -> Future[Outcome]:
        """Start the work of an item on the engine."""

        def start() -> Future[Outcome]:
            parts = self.parts(cell.variant)
            return self.engine.submit(attempt.solve(cell.task, cell.variant, parts, nodeid))

        return attempt.begun(cell.task, cell.variant, start)

    def verify(self, task: Task, answer: Answer | str) -> tuple[str, Verdict]:
        """Extract and verify one answer, or source code, outside of any strategy; blocks."""
        if isinstance(answer, str):
            answer = Answer(answer, form="program")
        answer = wellformed.answer(answer)
        code = extraction.extract(answer, task, self.settings.sampling.wording)
        if not code.strip():
            return "", attempt.NO_CODE
        program = self.benchmark(task.benchmark).program(task, code, self.settings.limits)
        return code, self.engine.submit(self.verifier.verify(program)).result()

    @property
    def slots(self) -> int:
        """Programs that the sandbox runs at once; 1 while there is none."""
        taken = self.confinement.taken
        return taken.slots if taken is not None else 1

    def window(self) -> int:
        """Items to keep under way, so that generator and sandbox both stay busy."""
        each = 1 if self.settings.stop == "first-pass" else min(self.settings.samples)
        return 2 * self.slots + -(-2 * self.models.in_flight // each)

    def limit_s(self, cell: Cell) -> float:
        """Seconds that a program of this item may take."""
        limits = self.settings.of(cell.variant).limits
        return limit_s(self.benchmark(cell.variant.benchmark), cell.task, limits)

    def fingerprint(self, variant: Variant) -> dict[str, Json]:
        """Everything that may move a number of this variant, part by part."""
        from pytest_mcode import __version__

        dataset, own = self.dataset(variant.benchmark), self.settings.of(variant)
        listed = self.settings.failing_inputs
        return {
            "data": {"benchmark": variant.benchmark, "sha256": dataset.sha256},
            "model": dict(self.generator(variant).describe()),
            "sampling": wire.described(own.sampling),
            "prompts": prompts.VERSION,
            "extraction": extraction.version(own.sampling.wording),
            "strategy": {
                "name": variant.strategy,
                "feedback": variant.feedback,
                "samples": variant.samples,
                "debug_iters": variant.debug_iters,
                "stop": "first-pass" if variant.stops_early else "never",
                **({"failing_inputs": listed} if listed != 1 else {}),
                **self.registry.reports(variant.strategy),
            },
            "limits": asdict(own.limits),
            "verify_times": self.settings.verify_times,
            "sandbox": {} if self.only_draws else dict(self.sandbox.describe()),
            "version": __version__,
        }

    def rest(self) -> None:
        """Cancel requests and stop engine and sandbox; servers stay up for the workers."""
        engine, self._engine = self._engine, None
        try:
            if engine is not None and not engine.close(self.models.farewell):
                self.say("a generator did not let go of the event loop; its thread is left behind")
        finally:
            self.models.forget()
            self._parts.clear()
            self._confinement = self._verifier = self._pool = None
            with strangers.forgiven(self.say):
                self._stack.close()

    def close(self) -> None:
        """Stop everything; safe to call twice."""
        try:
            self.rest()
        finally:
            with strangers.forgiven(self.say):
                self.models.close()
