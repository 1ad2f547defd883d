"""The seams. Whoever satisfies a protocol can be registered; nobody has to inherit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from pytest_mcode.core import records as rec


class Benchmark(Protocol):
    """A data set and how an answer becomes a program."""

    name: str

    def load(self, data: Path | None) -> rec.Dataset:
        """The tasks from `data` (folder or file), else the cache or the hub. Raises `DataError`."""

    def program(self, task: rec.Task, code: str, limits: rec.Limits) -> rec.Program:
        """The program that verifies `code`, a whole candidate as `extract` gave it."""


class Generator(Protocol):
    """Answers requests on one event loop, at most `concurrency` at once."""

    concurrency: int

    def describe(self) -> Mapping[str, rec.Json]:
        """What identifies the generator in the fingerprint, without secrets."""

    async def preflight(self) -> None:
        """Raise `ConfigError` or `InfraError` with the cure when it could not answer."""

    async def generate(self, request: rec.Request) -> rec.Answer:
        """One answer. Raises `InfraError` when the machinery failed, retries exhausted."""

    async def aclose(self) -> None:
        """Let go of sockets; called on the loop that generated."""


class Sandbox(Protocol):
    """Runs programs under limits, `slots` at once. `progress` is told what takes long."""

    name: str
    slots: int
    progress: Callable[[str], None]

    def start(self) -> None:
        """Make the slots ready. Raises `InfraError` with the cure."""

    def describe(self) -> Mapping[str, rec.Json]:
        """Image digest, interpreter, verdict version: what identifies verdicts."""

    def run(self, program: rec.Program) -> rec.Verdict:
        """Verify one program. Thread-safe and blocking. Raises `InfraError`."""

    def close(self) -> None:
        """Stop and remove every slot; safe to call twice."""


class Workbench(Protocol):
    """What a strategy works with; the session builds one per item."""

    task: rec.Task
    variant: rec.Variant

    def opening(self) -> rec.Messages:
        """The messages of a first draw."""

    def repair(self, attempt: rec.Attempt) -> rec.Messages:
        """The messages that show the model its failed attempt and ask again."""

    async def attempt(
        self,
        sample: int,
        iteration: int,
        messages: rec.Messages,
        format: Mapping[str, rec.Json] | None = None,
    ) -> rec.Attempt:
        """Generate, extract, verify, remember. With the feedback `public`, its verdict is that of
        the public tests: the hidden one is kept for the reports and not told."""

    async def ask(
        self,
        role: str,
        messages: rec.Messages,
        sample: int,
        format: Mapping[str, rec.Json] | None = None,
    ) -> rec.Answer:
        """A request that is no attempt: seeded, shared, counted and kept like one."""

    def note(self, attempt: rec.Attempt, **notes: rec.Json) -> None:
        """Add to the notes of an attempt that was made; `chosen=True`: it is handed in."""

    async def behaviour(self, attempt: rec.Attempt) -> str:
        """What its code does on the inputs that the prompt shows: equal texts, equal behaviour;
        empty for code that does not run."""

    async def instruct(self, sample: int, tries: int) -> Sequence[rec.Attempt]:
        """Mellea's own loop: instruct, validate, repair; each answer is an attempt."""

    async def judge(self, attempt: rec.Attempt) -> bool | None:
        """Whether the model itself holds that the code meets the task (Mellea's requirement
        validation); None if it said neither."""


class Strategy(Protocol):
    """How a task is solved with a generator and a sandbox.

    An attribute `reports`, a set, may name what reports shall give besides pass@1 and solved@n:
    `pass@k` (assumed without it), `maj@k`, `chosen`, `agreement`. An attribute `prose` that is true
    refuses prompts in the style `completion`; `stops`: it ends draws if `variant.stops_early`;
    `repairs`, if false, refuses `--mcode-debug-iters`; `phases`: its requests, but those of
    repairs, depend on no verdict, so that `--mcode-phase` may draw before anything is verified.
    """

    name: str

    async def solve(self, bench: Workbench) -> Sequence[rec.Attempt]:
        """All attempts, ordered by (sample, iteration)."""


class Server(Protocol):
    """A model server that a run starts and stops; `model` is the name under which it serves."""

    model: str

    def start(self) -> str:
        """Start, wait until healthy, return the base URL (`http://127.0.0.1:PORT/v1`)."""

    def close(self) -> None:
        """Stop it; safe to call twice."""
