"""The seams. Whoever satisfies a protocol can be registered; nobody has to inherit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from pytest_mcode.core.records import Answer, Attempt, Dataset, Json, Limits, Messages, Program
from pytest_mcode.core.records import Request, Task, Variant, Verdict


class Benchmark(Protocol):
    """A data set and how an answer becomes a program."""

    name: str

    def load(self, data: Path | None) -> Dataset:
        """Read the tasks from `data` (a folder or file), else from the user cache or the hub.

        Raises `DataError` with one line that names the cure.
        """
        ...

    def program(self, task: Task, code: str, limits: Limits) -> Program:
        """The program that verifies `code`, a whole candidate as `extract` gave it."""
        ...


class Generator(Protocol):
    """Answers requests. Lives on one event loop."""

    concurrency: int
    """Requests that may be in flight at once."""

    def describe(self) -> Mapping[str, Json]:
        """What identifies the generator in the fingerprint, without secrets."""
        ...

    async def preflight(self) -> None:
        """Raise `ConfigError` or `InfraError` with the cure when it could not answer."""
        ...

    async def generate(self, request: Request) -> Answer:
        """One answer. Raises `InfraError` when the machinery failed, retries exhausted."""
        ...

    async def aclose(self) -> None:
        """Let go of sockets; called on the loop that generated."""
        ...


class Sandbox(Protocol):
    """Runs programs under limits."""

    name: str
    slots: int
    """Programs that run at once; `run` may be called from that many threads."""

    def start(self) -> None:
        """Make the slots ready. Raises `InfraError` with the cure."""
        ...

    def describe(self) -> Mapping[str, Json]:
        """Image digest, interpreter, verdict version: what identifies verdicts."""
        ...

    def run(self, program: Program) -> Verdict:
        """Verify one program. Thread-safe and blocking. Raises `InfraError`, never a verdict of it."""
        ...

    def close(self) -> None:
        """Stop and remove every slot; safe to call twice."""
        ...


class Workbench(Protocol):
    """What a strategy works with; the session builds one per item."""

    task: Task
    variant: Variant

    def opening(self) -> Messages:
        """The messages of a first draw."""
        ...

    def repair(self, attempt: Attempt) -> Messages:
        """The messages that show the model its failed attempt and ask again."""
        ...

    async def attempt(self, sample: int, iteration: int, messages: Messages) -> Attempt:
        """Generate, extract, verify, remember."""
        ...


class Strategy(Protocol):
    """How a task is solved with a generator and a sandbox."""

    name: str

    async def solve(self, bench: Workbench) -> Sequence[Attempt]:
        """All attempts, ordered by (sample, iteration)."""
        ...


class Server(Protocol):
    """A model server that a run starts and stops."""

    model: str
    """The name under which it serves its model."""

    def start(self) -> str:
        """Start, wait until healthy, return the base URL (`http://127.0.0.1:PORT/v1`)."""
        ...

    def close(self) -> None:
        """Stop it; safe to call twice."""
        ...
