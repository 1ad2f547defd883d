"""The models of a run: who serves them, and the live generators that ask them."""

from __future__ import annotations

import asyncio
import difflib
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from pytest_mcode.core.errors import ConfigError, McodeError
from pytest_mcode.core.protocols import Generator, Server
from pytest_mcode.core.records import ModelSpec
from pytest_mcode.session import profiles, strangers
from pytest_mcode.session.engine import Engine
from pytest_mcode.session.leases import Desk, Remote
from pytest_mcode.session.registry import Registry
from pytest_mcode.session.served import Served
from pytest_mcode.session.serving import Leases, Serving, is_together
from pytest_mcode.session.settings import Settings

ALONE = ("gold", "garbage", "tiny")
"""Models that need no server of the user's."""


@dataclass(frozen=True)
class Place:
    """Where this process stands in a run."""

    socket: Path | None = None
    """Where workers ask the controller for model servers; None without workers."""
    remote: bool = False
    """This is a worker."""
    workers: int = 1
    """Processes that share the slots of a server with this one."""


class Models:
    """Makes generators, each when first asked for, and has servers started and stopped.

    One generator serves all cells of a model: sampling comes with each request.
    """

    def __init__(
        self, settings: Settings, registry: Registry, place: Place, say: Callable[[str], None]
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._place = place
        self._say = say
        self._leases: Leases | None = None
        self._desk: Desk | None = None
        self._servers: dict[str, Server] = {}
        self._generators: dict[str, Generator] = {}

    # What a name means

    def spec(self, model: str) -> ModelSpec:
        """The model as named; the address of a server that the run starts comes with a lease."""
        known = {*self._registry.names("generator"), *self._registry.names("server")}
        spec = self._settings.model_spec(model, known.__contains__)
        if not self.is_served(model):
            return spec
        server = self.server(model)
        return replace(
            spec,
            backend=getattr(server, "backend", "openai"),
            model=server.model,
            base_url="",
            concurrency=spec.concurrency or getattr(server, "concurrency", 0),
        )

    def is_served(self, model: str) -> bool:
        """Whether the run starts a server for it: its profile names one, or the model itself.

        Of a generator and a server with one name the generator is meant: `ollama:NAME` asks an
        Ollama that is there.
        """
        known = self._settings.profiles.get(model)
        if known is not None:
            return bool(known.server)
        head = model.partition(":")[0]
        names = self._registry.names
        return head in names("server") and head not in names("generator")

    def server(self, model: str) -> Server:
        """The server of a model, made once and not started. Raises `ConfigError`."""
        if model not in self._servers:
            self._servers[model] = self._prepared(self._made(model))
        return self._servers[model]

    def _made(self, model: str) -> Server:
        known = self._settings.profiles.get(model)
        if known is not None:
            kind = str(known.server["kind"])
            return profiles.server(known, self._registry.factory("server", kind))
        head, _, argument = model.partition(":")
        factory = self._registry.factory("server", head)
        try:
            inspect.signature(factory).bind(argument)
        except TypeError as error:
            raise ConfigError(
                f"--mcode-model={model}: a {head} server has options that only a profile can give "
                f"({error}); see docs/models.md"
            ) from error
        made: Server = strangers.make("server", head, factory, argument)
        return made

    def _prepared(self, server: Server) -> Server:
        """Told where it may write, how long it may take, and whom it may talk to."""
        given: dict[str, Any] = {
            "state": self._state,
            "health_timeout_s": self._settings.health_timeout_s,
            "say": self._say,
        }
        for name, value in given.items():
            if hasattr(server, name):
                setattr(server, name, value)
        return server

    @property
    def _state(self) -> Path:
        return self._settings.db.parent / "servers"

    def in_turn(self, model: str) -> bool:
        """Whether its server gives way to those of other models."""
        return self.is_served(model) and not is_together(self.server(model))

    def check(self, model: str) -> None:
        """Raise `ConfigError` for a model that nobody here can ask; nothing is started."""
        if model in self._settings.profiles:
            self._settings.profiles[model].check()
        if self.is_served(model):
            check = getattr(self.server(model), "check", None)
            if check is not None:
                check()
        else:
            self._registry.factory("generator", self.spec(model).backend)

    def _look(self, model: str) -> None:
        """Raise `ConfigError` where another program has the port of its server."""
        look = getattr(self.server(model), "look", None) if self.is_served(model) else None
        if look is not None:
            look()

    def problem(self, model: str) -> str:
        """Why it cannot be asked now, in a line; empty where it can. No server is started."""
        try:
            self.check(model)
            self._look(model)
            if not self.is_served(model):
                self._answers(model)
        except McodeError as error:
            return str(error).splitlines()[0]
        return ""

    # Live objects

    def generator(self, model: str) -> Generator:
        """The live generator of a model name as the user gave it."""
        if model not in self._generators:
            spec = self.spec(model)
            make = self._maker(spec.backend)
            if self.is_served(model):
                self._generators[model] = self._served(model, spec, make)
            else:
                self._generators[model] = self._shared(make, spec)
        return self._generators[model]

    def _maker(self, backend: str) -> Callable[..., Any]:
        factory = self._registry.factory("generator", backend)
        return partial(strangers.make, "generator", backend, factory)

    def _served(self, model: str, spec: ModelSpec, make: Callable[..., Any]) -> Served:
        describe = getattr(self.server(model), "describe", dict)
        return Served(
            lambda url: self._shared(make, replace(spec, base_url=url)),
            lambda: self.leases.hold(model),
            describe(),
        )

    def _shared(self, make: Callable[..., Any], spec: ModelSpec) -> Generator:
        """With this process's share of what all workers may ask at once."""
        made: Generator = make(spec)
        if not isinstance(getattr(made, "concurrency", None), int):
            raise ConfigError(f"generator {spec.backend!r} needs a whole number `concurrency`")
        if self._place.workers > 1:
            made = make(replace(spec, concurrency=max(1, made.concurrency // self._place.workers)))
        return made

    @property
    def leases(self) -> Leases:
        """Who says whose turn it is."""
        if self._leases is None:
            if self._place.remote and self._place.socket is not None:
                self._leases = Remote(self._place.socket)
            else:
                self._leases = Serving(self.server, self._say, self._settings.models)
        return self._leases

    @property
    def in_flight(self) -> int:
        """Requests that the busiest of the live generators takes at once; at least 1."""
        return max((g.concurrency for g in self._generators.values()), default=1)

    def turn_to(self, model: str) -> None:
        """Let go of the servers of all other models."""
        for name, generator in self._generators.items():
            if name != model and isinstance(generator, Served):
                generator.move_on()

    def preflight(self) -> None:
        """Servers up, models there. Raises `ConfigError` or `InfraError`; nothing is drawn.

        Of the servers that take turns only the first is started.
        """
        for model in self._settings.models:
            self.check(model)
        for line in self._swept():
            self._say(line)
        for model in self._settings.models:
            self._look(model)
        if self._place.socket is not None and self._desk is None:
            self._desk = Desk(self.leases, self._place.socket)
        waiting = [model for model in self._settings.models if self.in_turn(model)][1:]
        self._answers(*(model for model in self._settings.models if model not in waiting))

    def _answers(self, *models: str) -> None:
        """Raise `ConfigError` or `InfraError` for the first model that is not there."""
        engine = Engine()
        try:
            for model in models:
                spec = self.spec(model)
                make = self._maker(spec.backend)
                served = self.is_served(model)
                probe = self._served(model, spec, make) if served else make(spec)
                try:
                    engine.submit(_probe(probe)).result()
                except McodeError as error:
                    raise type(error)(f"{error}{self._perhaps(model)}") from error
        finally:
            engine.close()

    def _perhaps(self, model: str) -> str:
        """Names what is spelled almost like this model."""
        names = {*ALONE, *self._settings.profiles} - {model}
        near = difflib.get_close_matches(model, names, 1, 0.75)
        return f" (or did you mean --mcode-model={near[0]}?)" if near else ""

    def _swept(self) -> Iterator[str]:
        from pytest_mcode.servers import orphans

        return orphans.sweep(self._state)

    # The end

    async def farewell(self) -> None:
        """Let the generators close what they hold; on the loop that generated."""
        live = list(self._generators.values())
        await asyncio.gather(*(generator.aclose() for generator in live), return_exceptions=True)

    def forget(self) -> None:
        """Of the generators: their loop is gone. Servers stay up."""
        self._generators.clear()

    def close(self) -> None:
        """Stop the servers; safe to call twice."""
        desk, self._desk = self._desk, None
        leases, self._leases = self._leases, None
        if leases is not None:
            leases.close()
        if desk is not None:
            desk.close()


async def _probe(generator: Generator) -> None:
    try:
        await generator.preflight()
    finally:
        await asyncio.gather(generator.aclose(), return_exceptions=True)
