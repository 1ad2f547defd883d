"""Runs in two parts (`--mcode-phase`): `generate` draws, `verify` verifies what was drawn.

The machine that draws needs no sandbox, the machine that verifies no model. What was drawn waits in
the database, under the run that both are parts of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pytest_mcode.core.errors import ConfigError, InfraError
from pytest_mcode.core.records import Answer, Json, Program, Request, Variant, Verdict
from pytest_mcode.session.models import Models, Place
from pytest_mcode.session.registry import Registry
from pytest_mcode.session.settings import Settings, label

WHOLE = "or do both at once: the model server may stand elsewhere (--mcode-base-url)"


async def unverified(_: Program) -> Verdict:
    """Stands for verdicts while a run only draws. No pass, and stored by nobody."""
    return Verdict("error", detail="drawn, and not verified yet", mode="none")


def check(variant: Variant, strategy: object) -> None:
    """Raise `ConfigError` where a request has to wait for a verdict."""
    if variant.debug_iters:
        raise ConfigError(
            "--mcode-phase: a repair needs the verdict of what it repairs: give "
            f"--mcode-debug-iters=0, {WHOLE}"
        )
    if variant.stops_early:
        raise ConfigError(
            "--mcode-phase: --mcode-stop=first-pass needs the verdict of each draw before the "
            f"next: leave one out, {WHOLE}"
        )
    if not getattr(strategy, "phases", False):
        raise ConfigError(
            f"--mcode-phase: --mcode-strategy={variant.strategy} does not say that it asks nothing "
            f"that depends on a verdict: take another, {WHOLE}"
        )


class Absent:
    """A model that was asked on another machine: it can be named, and not asked."""

    concurrency = 64

    def __init__(self, described: Mapping[str, Json]) -> None:
        self._described = described

    def describe(self) -> Mapping[str, Json]:
        """As where it was asked."""
        return self._described

    async def preflight(self) -> None:
        """Nobody is asked."""

    async def generate(self, request: Request) -> Answer:
        """Raise `InfraError`: what is wanted was not drawn."""
        role = f" of the {request.role}" if request.role else ""
        raise InfraError(
            f"{request.task.task_id}: sample {request.sample}{role} was not drawn; go on drawing "
            "with --mcode-phase=generate --mcode-resume"
        )

    async def aclose(self) -> None:
        """Nothing is open."""


class AbsentModels(Models):
    """The models of a run that only verifies: known from its database, started and asked never."""

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        described: Callable[[], Mapping[str, Mapping[str, Json]]],
    ) -> None:
        super().__init__(settings, registry, Place(), say=lambda line: None)
        self._read = described
        """Label of a model -> its description when it was asked."""

    def check(self, model: str) -> None:
        """Whoever drew could ask it."""

    def in_turn(self, model: str) -> bool:
        """No server is started."""
        return False

    def generator(self, model: str) -> Absent:
        """One that knows what it was, and answers nothing."""
        found = self._generators.get(model)
        if not isinstance(found, Absent):
            known = self._read()
            if label(model) not in known:
                raise ConfigError(f"--mcode-phase=verify: nothing of {model} was drawn")
            found = self._generators[model] = Absent(known[label(model)])
        return found

    def preflight(self) -> None:
        """Nobody is asked."""
