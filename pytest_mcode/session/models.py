"""The models of a run: who serves them, and the live generators that ask them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace

from pytest_mcode.core.errors import ConfigError
from pytest_mcode.core.protocols import Generator, Server
from pytest_mcode.core.records import ModelSpec
from pytest_mcode.session.engine import Engine
from pytest_mcode.session.registry import Registry
from pytest_mcode.session.settings import Settings


class Models:
    """Starts servers and makes generators, each when first asked for.

    One generator serves all cells of a model: sampling comes with each request.
    """

    def __init__(
        self, settings: Settings, registry: Registry, workers: int, addresses: Mapping[str, str]
    ) -> None:
        self.addresses = dict(addresses)
        """Model -> base URL and served name of the servers that the run has started."""
        self._settings = settings
        self._registry = registry
        self._workers = workers
        self._served = ExitStack()
        self._generators: dict[str, Generator] = {}

    def spec(self, model: str) -> ModelSpec:
        """The model as named, with the address of its server where the run has started one."""
        servers = self._registry.names("server")
        known = {*self._registry.names("generator"), *servers}
        spec = self._settings.model_spec(model, known.__contains__)
        if spec.backend in servers:
            if model not in self.addresses:
                self.serve(model)
            url, _, served = self.addresses[model].partition(" ")
            spec = replace(spec, backend="openai", model=served, base_url=url)
        return spec

    def serve(self, model: str) -> None:
        """Start the server of a model that a run serves by itself; its address is kept."""
        head, _, argument = model.partition(":")
        if head not in self._registry.names("server") or model in self.addresses:
            return
        server: Server = self._registry.factory("server", head)(argument)
        url = server.start()
        self._served.callback(server.close)
        self.addresses[model] = f"{url} {server.model}"

    def generator(self, model: str) -> Generator:
        """The live generator of a model name as the user gave it."""
        if model not in self._generators:
            spec = self.spec(model)
            make = self._registry.factory("generator", spec.backend)
            made: Generator = make(spec)
            if not isinstance(getattr(made, "concurrency", None), int):
                raise ConfigError(f"generator {spec.backend!r} needs a whole number `concurrency`")
            if self._workers > 1:
                made = make(replace(spec, concurrency=max(1, made.concurrency // self._workers)))
            self._generators[model] = made
        return self._generators[model]

    @property
    def in_flight(self) -> int:
        """Requests that the busiest of the live generators takes at once; at least 1."""
        return max((g.concurrency for g in self._generators.values()), default=1)

    def preflight(self) -> None:
        """Servers up, models there. Raises `ConfigError` or `InfraError`; nothing is drawn."""
        for model in self._settings.models:
            self.serve(model)
        engine = Engine(1)
        try:
            for model in self._settings.models:
                spec = self.spec(model)
                probe: Generator = self._registry.factory("generator", spec.backend)(spec)
                engine.submit(_probe(probe)).result()
        finally:
            engine.close()

    async def farewell(self) -> None:
        """Let the generators close what they hold; on the loop that generated."""
        live = list(self._generators.values())
        await asyncio.gather(*(generator.aclose() for generator in live), return_exceptions=True)

    def forget(self) -> None:
        """Of the generators: their loop is gone. Servers stay up."""
        self._generators.clear()

    def close(self) -> None:
        """Stop the servers; safe to call twice."""
        self._served.close()


async def _probe(generator: Generator) -> None:
    try:
        await generator.preflight()
    finally:
        await asyncio.gather(generator.aclose(), return_exceptions=True)
