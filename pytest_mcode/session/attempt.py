"""The heart: the story of one item, told once.

A strategy asks for attempts; an attempt is generate -> extract -> verify. The rooms that do the
work do not know each other: they meet here, through the protocols of `core`.
"""

from __future__ import annotations

import asyncio
import time
import traceback
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from pytest_mcode.core.errors import McodeError
from pytest_mcode.core.fingerprint import digest, seed_for
from pytest_mcode.core.protocols import Benchmark, Generator, Strategy
from pytest_mcode.core.records import (
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

NO_CODE = Verdict(
    status="no_code",
    detail="the answer holds no code",
    feedback="Your answer held no Python code.",
    mode="none",
)


class Pool:
    """Attempts of this process by identity, so that the cells of a grid share their draws."""

    def __init__(self, capacity: int = 20_000) -> None:
        self._attempts: OrderedDict[str, asyncio.Task[Attempt]] = OrderedDict()
        self._capacity = capacity

    async def get(self, key: str, make: Callable[[], Awaitable[Attempt]]) -> Attempt:
        """The attempt under `key`, made at most once; a failure is not kept."""
        task = self._attempts.get(key)
        if task is None:
            task = self._attempts[key] = asyncio.ensure_future(make())
            if len(self._attempts) > self._capacity:
                self._attempts.popitem(last=False)
        try:
            return await asyncio.shield(task)
        except BaseException:
            if task.done():
                self._attempts.pop(key, None)
            raise


@dataclass(frozen=True)
class Parts:
    """The live objects that one variant's items share."""

    benchmark: Benchmark
    generator: Generator
    strategy: Strategy
    verify: Callable[[Program], Awaitable[Verdict]]
    sampling: Sampling
    limits: Limits
    pool: Pool


class Bench:
    """The workbench of one item; see `core.protocols.Workbench`."""

    def __init__(self, task: Task, variant: Variant, parts: Parts) -> None:
        self.task = task
        self.variant = variant
        self.made: list[Attempt] = []
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
        key = digest(
            [
                self.task.benchmark,
                self.variant.model,
                self.task.task_id,
                [(m.role, m.content) for m in messages],
                sample,
                iteration,
            ]
        )
        made = await self._parts.pool.get(key, lambda: self._make(sample, iteration, messages))
        self.made.append(made)
        return made

    async def _make(self, sample: int, iteration: int, messages: Messages) -> Attempt:
        parts, task = self._parts, self.task
        seed = seed_for(parts.sampling.seed, task.task_id, sample, iteration)
        request = Request(task, messages, sample, iteration, replace(parts.sampling, seed=seed))
        answer = await parts.generator.generate(request)
        if not answer.messages:
            answer = replace(answer, messages=messages)
        code = extraction.extract(answer, task)
        if not code.strip():
            return Attempt(sample, iteration, answer, "", NO_CODE)
        verdict = await parts.verify(parts.benchmark.program(task, code, parts.limits))
        return Attempt(sample, iteration, answer, code, verdict)


async def solve(task: Task, variant: Variant, parts: Parts) -> Outcome:
    """Everything that happens to one item. Failures of the machinery end in `Outcome.infra`."""
    start = time.perf_counter()
    bench = Bench(task, variant, parts)
    infra = ""
    try:
        await parts.strategy.solve(bench)
    except McodeError as error:
        infra = str(error)
    except Exception:  # noqa: BLE001 - the border: our bug is never the model's failure
        infra = f"internal error: {traceback.format_exc(limit=-3)}"
    attempts = sorted(bench.made, key=lambda a: (a.sample, a.iteration))
    return Outcome(variant, task.task_id, tuple(attempts), infra, time.perf_counter() - start)
