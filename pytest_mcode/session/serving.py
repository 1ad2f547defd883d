"""Whose model server is up: those of a run are served one after another, on one GPU.

Whoever asks a model holds a lease meanwhile. A server that nobody holds stays up until another is
wanted, and then gives way to it; servers that may be up together never do.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Protocol

from pytest_mcode.core.errors import InfraError, McodeError
from pytest_mcode.core.protocols import Server


@dataclass(frozen=True)
class Lease:
    """The right to ask a model at `url` until `release` is called, once."""

    url: str
    release: Callable[[], None]


class Leases(Protocol):
    """Who hands out leases, in this process or in that of the controller."""

    def hold(self, model: str) -> Lease:
        """Wait until the model is served. Raises `InfraError` where it cannot be."""

    def close(self) -> None:
        """End all waiting; safe to call twice."""


class Serving:
    """Starts and stops the servers of a run; thread-safe."""

    def __init__(
        self,
        make: Callable[[str], Server],
        say: Callable[[str], None],
        order: Sequence[str] = (),
    ) -> None:
        """`order`: of models that wait at the same moment the first here is next."""
        self._order = {model: place for place, model in enumerate(order)}
        self._make = make
        self._say = say
        self._changed = threading.Condition()
        self._up: dict[str, tuple[Server, str]] = {}
        self._held: Counter[str] = Counter()
        self._waiting: list[str] = []
        """Models that are wanted and not up, in the order in which they were asked for."""
        self._failed: dict[str, str] = {}
        """A server that did not start is not tried again for each item."""
        self._starting: Server | None = None
        self._busy = False
        self._closed = False

    def hold(self, model: str) -> Lease:
        """Wait until the model is served. Raises `ConfigError` or `InfraError` where it fails."""
        with self._changed:
            self._waiting.append(model)
            try:
                self._changed.wait_for(lambda: self._may(model))
            finally:
                self._waiting.remove(model)
                self._changed.notify_all()  # whose turn it is depends on who else waits
            if self._closed:
                raise InfraError("the run is over")
            if model in self._failed:
                raise InfraError(self._failed[model])
            if model in self._up:
                return self._lease(model)
            self._busy = True
            # Out of the list before anybody else may ask: who finds it there is given its address.
            over = [] if is_together(self._make(model)) else self._in_turn()
            leaving = [self._up.pop(other)[0] for other in over]
        try:
            for server in leaving:
                server.close()
            self._bring_up(model)
        finally:
            with self._changed:
                self._busy = False
                self._starting = None
                self._changed.notify_all()
        with self._changed:
            if self._closed:
                raise InfraError("the run is over")
            return self._lease(model)

    def _lease(self, model: str) -> Lease:
        self._held[model] += 1
        self._changed.notify_all()
        return Lease(self._up[model][1], lambda: self._release(model))

    def _release(self, model: str) -> None:
        with self._changed:
            self._held[model] -= 1
            self._changed.notify_all()

    def _may(self, model: str) -> bool:
        if self._closed or model in self._failed or model in self._up:
            return True
        absent = [name for name in self._waiting if name not in self._up]
        first = min(absent, key=lambda name: self._order.get(name, len(self._order)))
        if self._busy or first != model:
            return False
        return is_together(self._make(model)) or not any(
            self._held[other] for other in self._in_turn()
        )

    def _in_turn(self) -> list[str]:
        return [name for name, (server, _) in self._up.items() if not is_together(server)]

    def _bring_up(self, model: str) -> None:
        """Start it. One thread at a time."""
        server = self._make(model)
        with self._changed:
            if self._closed:
                raise InfraError("the run is over")
            self._starting = server
        begun = time.monotonic()
        try:
            url = server.start()
        except McodeError as error:
            with self._changed:
                self._failed[model] = str(error).splitlines()[0]  # the first item has the log
            raise
        with self._changed:
            self._up[model] = (server, url)
            closed = self._closed
        if closed:
            server.close()
        elif not is_together(server):
            self._say(f"serving {model} at {url}, ready after {time.monotonic() - begun:.1f} s")

    def close(self) -> None:
        """Stop every server, also one that is being started; safe to call twice."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            servers = [server for server, _ in self._up.values()]
            if self._starting is not None:
                servers.append(self._starting)
            self._up.clear()
        with ExitStack() as each:
            for server in servers:
                each.callback(server.close)


def is_together(server: Server) -> bool:
    """Whether it may be up beside those of other models; a stranger's says so by an attribute."""
    return bool(getattr(server, "together", False))
