"""The heart: the story of one item, told once.

A strategy asks for attempts; an attempt is generate -> extract -> verify. What else it asks is kept
beside them. The rooms that do the work do not know each other: they meet here, through `core`.
"""

from __future__ import annotations

import contextlib
import time
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from pytest_mcode.core.errors import InfraError, McodeError
from pytest_mcode.core.fingerprint import seed_for
from pytest_mcode.core.protocols import Benchmark, Generator, Strategy
from pytest_mcode.core.records import (
    Answer,
    Attempt,
    Call,
    Json,
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
from pytest_mcode.core.words import TRACEBACK
from pytest_mcode.generation import extraction, prompts
from pytest_mcode.session import draws, shown, wellformed

NO_CODE = Verdict(
    status="no_code",
    detail="the answer holds no code",
    feedback="Your answer held no Python code.",
    mode="none",
)

Schema = Mapping[str, Json] | None
T = TypeVar("T")


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
    kept: draws.Kept = ""
    """Who may find its draws again."""


class Bench:
    """The workbench of one item; see `core.protocols.Workbench`."""

    def __init__(self, task: Task, variant: Variant, parts: Parts, nodeid: str = "") -> None:
        self.task = task
        self.variant = variant
        self.calls: list[Call] = []
        self.failures: list[Exception] = []
        """What the machinery raised, kept because a strategy may swallow it."""
        self._made: dict[tuple[int, int], Attempt] = {}
        self._public: dict[tuple[int, int], Verdict] = {}
        """Of the public tests, where the strategy is told no other."""
        self._asked: set[tuple[int, int]] = set()
        self._numbers: Counter[tuple[int, str]] = Counter()
        self._parts = parts
        self._nodeid = nodeid

    @property
    def made(self) -> list[Attempt]:
        """All attempts with the verdicts of the hidden tests, by (sample, iteration)."""
        return [self._made[place] for place in sorted(self._made)]

    def opening(self) -> Messages:
        """The benchmark's prompt in the style of the model."""
        sampling = self._parts.sampling
        return prompts.opening(self.task, sampling.prompt_style, sampling.wording)

    def repair(self, attempt: Attempt) -> Messages:
        """The failed turn and its feedback, as far as the variant allows it to be shown."""
        style = self._parts.sampling.prompt_style
        return prompts.repair(self.task, style, attempt.answer.messages, self._told(attempt))

    async def attempt(
        self, sample: int, iteration: int, messages: Messages, format: Schema = None
    ) -> Attempt:
        """Draw it, or share it with a cell that drew it already; limits may differ between them."""
        place, limits = (sample, iteration, format), self._parts.limits

        async def answered(draw: str) -> Answer:
            return await self._answered(draw, self._request(sample, iteration, messages, format))

        async def make() -> Attempt:
            answer = await self._shared(answered, messages, *place)
            return await self._verified(sample, iteration, answer)

        with self._noticed():
            self._claim(sample, iteration)
            under = f"{limits.wall_s} {limits.memory_mb} {self._key(messages, *place)[0]}"
            made = await self._parts.pool.get(under, make)
            if self.variant.feedback == "public":
                made = await self._tried(made)
        self._made[sample, iteration] = made
        return self._told(made)

    async def ask(
        self, role: str, messages: Messages, sample: int, format: Schema = None
    ) -> Answer:
        """A request that is no attempt; shared like a draw."""
        number = self._numbers[sample, role]
        self._numbers[sample, role] += 1

        async def make(draw: str) -> Answer:
            request = self._request(sample, number, messages, format, role)
            return await self._answered(draw, request)

        with self._noticed():
            answer = await self._shared(make, messages, sample, number, format, role)
        self.calls.append(Call(sample, role, number, answer))
        return answer

    def note(self, attempt: Attempt, **notes: Json) -> None:
        """Add to what is noted of an attempt that was made."""
        place = attempt.sample, attempt.iteration
        known = self._made[place]
        self._made[place] = replace(known, notes=wellformed.notes({**known.notes, **notes}))

    async def behaviour(self, attempt: Attempt) -> str:
        """By its results on public inputs; where there are none, by the shape of its source."""
        parts, code = self._parts, attempt.code
        program = shown.behaviour_program(parts.benchmark, self.task, code, parts.limits)
        if program is None or not code.strip():
            return shown.shape_of(code)
        with self._noticed():
            verdict = wellformed.verdict(await parts.verify(program))
        self.note(attempt, behaviour=shown.noted(verdict))
        return shown.behaviour_in(verdict)

    async def instruct(self, sample: int, tries: int) -> Sequence[Attempt]:
        """Mellea's loop on this task."""
        from pytest_mcode.generation import validation

        async def make(iteration: int, messages: Messages) -> Attempt:
            return await self.attempt(sample, iteration, messages)

        return await validation.instruct(self.opening()[-1].content, tries, make)

    async def judge(self, attempt: Attempt) -> bool | None:
        """Mellea's validation of the requirement that the task is met; the role is `judge`."""
        from pytest_mcode.generation import validation

        async def send(messages: Messages) -> Answer:
            return await self.ask("judge", messages, attempt.sample)

        output = prompts.fenced(attempt.code) if attempt.code else attempt.answer.text
        return await validation.judge(self.opening(), output, send)

    # Within

    @contextlib.contextmanager
    def _noticed(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self.failures.append(error)
            raise

    def _told(self, attempt: Attempt) -> Attempt:
        """The attempt as far as the variant's feedback lets a strategy and the model know it."""
        verdict = self._public.get((attempt.sample, attempt.iteration), attempt.verdict)
        if self.variant.feedback == "none" and not verdict.passed:
            verdict = replace(verdict, feedback="The tests failed.", detail="")
        return replace(attempt, verdict=verdict)

    async def _tried(self, made: Attempt) -> Attempt:
        """Verified by the public tests too; their verdict is the one that is told."""
        parts, verdict = self._parts, made.verdict
        if made.code:
            program = shown.public_program(parts.benchmark, self.task, made.code, parts.limits)
            verdict = wellformed.verdict(await parts.verify(program)) if program else shown.NO_TESTS
        self._public[made.sample, made.iteration] = verdict
        return replace(made, notes={**made.notes, "public": shown.noted(verdict)})

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

    async def _shared(
        self, make: Callable[[str], Awaitable[T]], messages: Messages, *place: Any
    ) -> T:
        """What `make` makes of the digest under which later runs find it, once for all cells."""
        key, draw = self._key(messages, *place)
        return await self._parts.pool.get(key, lambda: make(draw))

    def _key(self, messages: Messages, *place: Any) -> tuple[str, str]:
        """Under which cells share a draw, and under which later runs find it, if they may."""
        parts = self._parts
        draw = draws.digest(parts.source, self.task, messages, *place)
        key = f"{self.task.benchmark}/{self.variant.model}/{draw}"  # benchmarks may share a draw
        return key, draws.known_as(draw, parts.kept)

    def _request(
        self, sample: int, number: int, messages: Messages, format: Schema, role: str = ""
    ) -> Request:
        task, sampling = self.task, self._parts.sampling
        name = f"{task.task_id}/{role}" if role else task.task_id
        seed = seed_for(sampling.seed, name, sample, number)
        own = replace(sampling, seed=seed)
        return Request(task, messages, sample, number, own, role=role, format=format)

    async def _answered(self, draw: str, request: Request) -> Answer:
        parts = self._parts
        answer = await parts.pool.stored(draw)
        if answer is not None:
            return answer
        try:
            answer = await parts.pool.traffic.ask(parts.generator, request)
        except SystemExit as error:  # it would end the event loop, and with it every other item
            raise InfraError(f"the generator called sys.exit({error})") from error
        messages = answer.messages or request.messages
        answer = replace(answer, messages=messages, draw=draw, reused=False)
        parts.pool.keep(self._nodeid, request, answer)
        return answer

    async def _verified(self, sample: int, iteration: int, answer: Answer) -> Attempt:
        """Extract and verify, also where the answer is known: what reads and judges may differ."""
        parts, task = self._parts, self.task
        code = extraction.extract(answer, task, parts.sampling.wording)
        if not code.strip():
            return Attempt(sample, iteration, answer, "", NO_CODE)
        program = parts.benchmark.program(task, code, parts.limits)
        verdict = wellformed.verdict(await parts.verify(program))
        return Attempt(sample, iteration, answer, code, verdict)


async def solve(task: Task, variant: Variant, parts: Parts, nodeid: str = "") -> Outcome:
    """Everything that happens to one item. Failures of the machinery end in `Outcome.infra`."""
    start = time.perf_counter()
    bench = Bench(task, variant, parts, nodeid)
    infra = ""
    try:
        await parts.strategy.solve(bench)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the border: our bug is never the model's failure
        infra = reason(error)
    if not infra and bench.failures:
        infra = reason(bench.failures[0])
    if not infra and not bench.made:
        infra = f"strategy {variant.strategy!r} made no attempt"
    wall_s = time.perf_counter() - start
    calls = sorted(bench.calls, key=lambda c: (c.sample, c.role, c.number))
    return Outcome(variant, task.task_id, tuple(bench.made), infra, wall_s, tuple(calls))


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
        said = str(error) or f"{type(error).__name__} without a message"
        return "\n".join([said, *getattr(error, "__notes__", ())])
    said = traceback.format_exception_only(error)[-1].strip()
    where = "".join(traceback.format_tb(error.__traceback__, limit=-3))
    return f"internal error: {said}\n{TRACEBACK}{where}".rstrip()
