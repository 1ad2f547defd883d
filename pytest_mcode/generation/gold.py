"""The reference solutions as if a model had answered them: every item must pass."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_mcode.core.records import Answer, Json, ModelSpec, Request


class Gold:
    """Answers every request with the task's reference."""

    concurrency = 64

    def __init__(self, spec: ModelSpec) -> None:
        self.spec = spec

    def describe(self) -> Mapping[str, Json]:
        """The references come with the data, whose hash is fingerprinted there."""
        return {"backend": "gold"}

    async def preflight(self) -> None:
        """Always ready."""

    async def generate(self, request: Request) -> Answer:
        """The reference, as a whole program."""
        return Answer(
            text=request.task.reference,
            form="program",
            messages=request.messages,
            finish_reason="stop",
            calls=0,
        )

    async def aclose(self) -> None:
        """Nothing to let go of."""
