"""What is under way with the models of this process, for whoever shows progress."""

from __future__ import annotations

from pytest_mcode.core.protocols import Generator
from pytest_mcode.core.records import Answer, Request
from pytest_mcode.session import wellformed


class Traffic:
    """Counts requests and their tokens. Written on the event loop, read from any thread."""

    def __init__(self) -> None:
        self.completion_tokens = 0
        """Of all answers so far."""
        self._open: dict[int, tuple[Generator, int]] = {}

    async def ask(self, generator: Generator, request: Request) -> Answer:
        """A well-formed answer. Raises what the generator raises, or `InfraError`."""
        self._count(generator, 1)
        try:
            answer = wellformed.answer(await generator.generate(request))
        finally:
            self._count(generator, -1)
        self.completion_tokens += answer.completion_tokens
        return answer

    def _count(self, generator: Generator, more: int) -> None:
        _, before = self._open.get(id(generator), (generator, 0))
        self._open[id(generator)] = (generator, before + more)

    @property
    def in_flight(self) -> int:
        """Requests that a server works on: no generator has more than `concurrency` of them."""
        return sum(min(count, maker.concurrency) for maker, count in list(self._open.values()))
