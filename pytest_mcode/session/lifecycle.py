"""From settings to live objects and back: data sets, servers, generators, sandbox, engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import asdict, replace

from pytest_mcode.core.errors import ConfigError
from pytest_mcode.core.protocols import Benchmark, Generator, Sandbox, Server
from pytest_mcode.core.records import (
    Answer,
    Dataset,
    Json,
    ModelSpec,
    Outcome,
    Task,
    Variant,
    Verdict,
)
from pytest_mcode.generation import extraction, prompts
from pytest_mcode.session import attempt, draws, wellformed
from pytest_mcode.session.cells import Cell, make_benchmark, selected
from pytest_mcode.session.confinement import Confinement
from pytest_mcode.session.engine import Engine
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
        addresses: Mapping[str, str] | None = None,
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
        self.addresses = dict(addresses or {})
        """Model -> base URL of the servers that the run has started."""
        self._served = ExitStack()
        self._stack = ExitStack()
        self._benchmarks: dict[str, Benchmark] = {}
        self._datasets: dict[str, Dataset] = {}
        self._generators: dict[str, Generator] = {}
        self._servers: dict[str, Server] = {}
        self._confinement: Confinement | None = None
        self.sandbox_kind = settings.sandbox
        """The one that was taken, for xdist's workers: a run never mixes two."""
        self.host_factor = settings.sandbox_spec.host_factor
        """By which it lengthens time limits; the same in all workers."""
        self._verifier: Verifier | None = None
        self._engine: Engine | None = None
        self._parts: dict[tuple[str, str, str], attempt.Parts] = {}
        self.names = Names()
        self._pool: draws.Pool | None = None

    # What is to be run

    def benchmark(self, name: str) -> Benchmark:
        """The benchmark under a name, `name:argument`, a JSON-lines file, or a label of these."""
        key = bench_label(name)
        if key not in self._benchmarks:
            self._benchmarks[key] = make_benchmark(self.registry, self.names.bench(name))
        return self._benchmarks[key]

    def dataset(self, name: str) -> Dataset:
        """The tasks of a benchmark, read once."""
        key = bench_label(name)
        if key not in self._datasets:
            self._datasets[key] = self.benchmark(name).load(self.settings.data)
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

    def spec(self, model: str) -> ModelSpec:
        """The model as named, with the address of its server where the run has started one."""
        known = {*self.registry.names("generator"), *self.registry.names("server")}
        spec = self.settings.model_spec(model, known.__contains__)
        if spec.backend in self.registry.names("server"):
            if model not in self.addresses:
                self.serve(model)
            url, _, served = self.addresses[model].partition(" ")
            spec = replace(spec, backend="openai", model=served, base_url=url)
        return spec

    def serve(self, model: str) -> None:
        """Start the server of a model that a run serves by itself; its address is kept."""
        head, _, argument = model.partition(":")
        if head not in self.registry.names("server") or model in self.addresses:
            return
        server: Server = self.registry.factory("server", head)(argument)
        url = server.start()
        self._served.callback(server.close)
        self._servers[model] = server
        self.addresses[model] = f"{url} {server.model}"

    def generator(self, model: str) -> Generator:
        """The live generator of a model name as the user gave it."""
        if model not in self._generators:
            spec = self.spec(model)
            make = self.registry.factory("generator", spec.backend)
            made: Generator = make(spec)
            if not isinstance(getattr(made, "concurrency", None), int):
                raise ConfigError(f"generator {spec.backend!r} needs a whole number `concurrency`")
            if self.workers > 1:
                made = make(replace(spec, concurrency=max(1, made.concurrency // self.workers)))
            self._generators[model] = made
        return self._generators[model]

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
    def engine(self) -> Engine:
        """The one loop of this process."""
        if self._engine is None:
            self._engine = Engine(self.sandbox.slots)
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
        key = (variant.benchmark, variant.model, variant.strategy)
        if key not in self._parts:
            generator = self.generator(self.model_of(variant))
            dataset = self.dataset(variant.benchmark)
            self._parts[key] = attempt.Parts(
                benchmark=self.benchmark(variant.benchmark),
                generator=generator,
                strategy=self.registry.factory("strategy", variant.strategy)(),
                verify=self.verifier.verify,
                sampling=self.settings.sampling,
                limits=self.settings.limits,
                pool=self.pool,
                source=draws.source(generator, dataset, self.settings),
                kept=draws.is_kept(generator),
            )
        return self._parts[key]

    def model_of(self, variant: Variant) -> str:
        """The model as the user named it, from the shortened name in a variant."""
        return self.names.model(variant.model)

    def submit(self, cell: Cell) -> Future[Outcome]:
        """Start the work of an item on the engine."""

        def start() -> Future[Outcome]:
            parts = self.parts(cell.variant)
            return self.engine.submit(attempt.solve(cell.task, cell.variant, parts))

        return attempt.begun(cell.task, cell.variant, start)

    def verify(self, task: Task, answer: Answer | str) -> tuple[str, Verdict]:
        """Extract and verify one answer, or source code, outside of any strategy; blocks."""
        if isinstance(answer, str):
            answer = Answer(answer, form="program")
        answer = wellformed.answer(answer)
        code = extraction.extract(answer, task)
        if not code.strip():
            return "", attempt.NO_CODE
        program = self.benchmark(task.benchmark).program(task, code, self.settings.limits)
        return code, self.engine.submit(self.verifier.verify(program)).result()

    def window(self) -> int:
        """Items to keep under way, so that generator and sandbox both stay busy."""
        in_flight = max((g.concurrency for g in self._generators.values()), default=1)
        taken = self.confinement.taken
        slots = taken.slots if taken is not None else 1
        return 2 * slots + -(-2 * in_flight // min(self.settings.samples))

    def preflight(self) -> None:
        """Servers up, models there. Raises `ConfigError` or `InfraError`; nothing is drawn."""
        for model in self.settings.models:
            self.serve(model)
        engine = Engine(1)
        try:
            for model in self.settings.models:
                spec = self.spec(model)
                probe: Generator = self.registry.factory("generator", spec.backend)(spec)
                engine.submit(_probe(probe)).result()
        finally:
            engine.close()

    def fingerprint(self, variant: Variant) -> dict[str, Json]:
        """Everything that may move a number of this variant, part by part."""
        from pytest_mcode import __version__

        dataset = self.dataset(variant.benchmark)
        return {
            "data": {"benchmark": variant.benchmark, "sha256": dataset.sha256},
            "model": dict(self.generator(self.model_of(variant)).describe()),
            "sampling": asdict(self.settings.sampling),
            "prompts": prompts.VERSION,
            "extraction": extraction.VERSION,
            "strategy": {
                "name": variant.strategy,
                "feedback": variant.feedback,
                "samples": variant.samples,
                "debug_iters": variant.debug_iters,
            },
            "limits": asdict(self.settings.limits),
            "verify_times": self.settings.verify_times,
            "sandbox": dict(self.sandbox.describe()),
            "version": __version__,
        }

    def rest(self) -> None:
        """Cancel requests and stop engine and sandbox; servers stay up for the workers."""
        engine, self._engine = self._engine, None
        try:
            if engine is not None and not engine.close(self._farewell):
                self.say("a generator did not let go of the event loop; its thread is left behind")
        finally:
            self._generators.clear()
            self._parts.clear()
            self._confinement = self._verifier = self._pool = None
            self._stack.close()

    def close(self) -> None:
        """Stop everything; safe to call twice."""
        try:
            self.rest()
        finally:
            self._served.close()

    async def _farewell(self) -> None:
        live = list(self._generators.values())
        await asyncio.gather(*(generator.aclose() for generator in live), return_exceptions=True)


async def _probe(generator: Generator) -> None:
    try:
        await generator.preflight()
    finally:
        await asyncio.gather(generator.aclose(), return_exceptions=True)
