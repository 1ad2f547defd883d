"""The heart: the story of one item, told once.

A strategy asks for attempts; an attempt is generate -> extract -> verify. The rooms that do the
work do not know each other: they meet here, through the protocols of `core`.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace

from pytest_mcode.core.errors import InfraError, McodeError
from pytest_mcode.core.fingerprint import seed_for
from pytest_mcode.core.protocols import Benchmark, Generator, Strategy
from pytest_mcode.core.records import (
    Answer,
    Attempt,
    Limits,
    Messages,
    Outcome,
    Program,
    Request,
    Sampling,
    Task,
    Variant,
    Verdict,
)
from pytest_mcode.generation import extraction, prompts
from pytest_mcode.session import draws, wellformed

NO_CODE = Verdict(
    status="no_code",
    detail="the answer holds no code",
    feedback="Your answer held no Python code.",
    mode="none",
)


@dataclass(frozen=True)
class Parts:
    """The live objects that one variant's items share."""

    benchmark: Benchmark
    generator: Generator
    strategy: Strategy
    verify: Callable[[Program], Awaitable[Verdict]]
    sampling: Sampling
    limits: Limits
    pool: draws.Pool
    source: str = ""
    """Digest of what all draws of the variant share; see `draws.source`."""
    kept: bool = False
    """Whether later runs may find its draws."""


class Bench:
    """The workbench of one item; see `core.protocols.Workbench`."""

    def __init__(self, task: Task, variant: Variant, parts: Parts) -> None:
        self.task = task
        self.variant = variant
        self.made: list[Attempt] = []
        self.failures: list[Exception] = []
        """What the machinery raised, kept because a strategy may swallow it."""
        self._asked: set[tuple[int, int]] = set()
        self._parts = parts

    def opening(self) -> Messages:
        """The benchmark's prompt in the style of the model."""
        return prompts.opening(self.task, self._parts.sampling.prompt_style)

    def repair(self, attempt: Attempt) -> Messages:
        """The failed turn and its feedback, as far as the variant allows it to be shown."""
        if self.variant.feedback == "none":
            verdict = replace(attempt.verdict, feedback="The tests failed.", detail="")
            attempt = replace(attempt, verdict=verdict)
        style = self._parts.sampling.prompt_style
        return prompts.repair(self.task, style, attempt.answer.messages, attempt)

    async def attempt(self, sample: int, iteration: int, messages: Messages) -> Attempt:
        """Draw it, or share it with a cell that drew it already."""
        parts = self._parts
        draw = draws.digest(parts.source, self.task, messages, sample, iteration)
        place = f"{self.task.benchmark}/{self.variant.model}/{draw}"  # benchmarks may share a draw
        try:
            self._claim(sample, iteration)
            made = await parts.pool.get(
                place, lambda: self._make(draw if parts.kept else "", sample, iteration, messages)
            )
        except Exception as error:
            self.failures.append(error)
            raise
        self.made.append(made)
        return made

    def _claim(self, sample: int, iteration: int) -> None:
        """Each place once, so that no strategy draws until it likes the result."""
        place = f"sample {sample}, iteration {iteration}"
        if not 0 <= sample < self.variant.samples or iteration < 0:
            raise InfraError(
                f"strategy {self.variant.strategy!r} asked for {place}, "
                f"but the variant has {self.variant.samples} samples"
            )
        if (sample, iteration) in self._asked:
            raise InfraError(f"strategy {self.variant.strategy!r} asked twice for {place}")
        self._asked.add((sample, iteration))

    async def _make(self, draw: str, sample: int, iteration: int, messages: Messages) -> Attempt:
        """Extract and verify, also where the answer is known: what reads and judges may differ."""
        parts, task = self._parts, self.task
        answer = await parts.pool.stored(draw)
        if answer is None:
            answer = replace(await self._draw(sample, iteration, messages), draw=draw, reused=False)
        code = extraction.extract(answer, task)
        if not code.strip():
            return Attempt(sample, iteration, answer, "", NO_CODE)
        program = parts.benchmark.program(task, code, parts.limits)
        verdict = wellformed.verdict(await parts.verify(program))
        return Attempt(sample, iteration, answer, code, verdict)

    async def _draw(self, sample: int, iteration: int, messages: Messages) -> Answer:
        parts, task = self._parts, self.task
        seed = seed_for(parts.sampling.seed, task.task_id, sample, iteration)
        request = Request(task, messages, sample, iteration, replace(parts.sampling, seed=seed))
        try:
            answer = await parts.pool.traffic.ask(parts.generator, request)
        except SystemExit as error:  # it would end the event loop, and with it every other item
            raise InfraError(f"the generator called sys.exit({error})") from error
        return answer if answer.messages else replace(answer, messages=messages)


async def solve(task: Task, variant: Variant, parts: Parts) -> Outcome:
    """Everything that happens to one item. Failures of the machinery end in `Outcome.infra`."""
    start = time.perf_counter()
    bench = Bench(task, variant, parts)
    infra = ""
    try:
        await parts.strategy.solve(bench)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the border: our bug is never the model's failure
        infra = reason(error)
    if not infra and bench.failures:
        infra = reason(bench.failures[0])
    if not infra and not bench.made:
        infra = f"strategy {variant.strategy!r} made no attempt"
    attempts = sorted(bench.made, key=lambda a: (a.sample, a.iteration))
    return Outcome(variant, task.task_id, tuple(attempts), infra, time.perf_counter() - start)


def begun(task: Task, variant: Variant, start: Callable[[], Future[Outcome]]) -> Future[Outcome]:
    """What `start` returns; where it could not even begin, the item's outcome that says why."""
    try:
        return start()
    except Exception as error:  # noqa: BLE001 - the same border, for parts that cannot be made
        failed: Future[Outcome] = Future()
        failed.set_result(Outcome(variant, task.task_id, (), reason(error)))
        return failed


def reason(error: BaseException) -> str:
    """Why the machinery failed; never empty, because an empty reason would be none."""
    if isinstance(error, McodeError):
        return str(error) or f"{type(error).__name__} without a message"
    said = traceback.format_exception_only(error)[-1].strip()
    where = "".join(traceback.format_tb(error.__traceback__, limit=-3))
    return f"internal error: {said}\n{where}".rstrip()
