"""Whose request is next: that of the earlier item, so that repairs go before later draws."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar

_PLACE: ContextVar[int] = ContextVar("mcode_place", default=0)
"""Place of the item in the order of the run; a task of asyncio takes it over from its maker."""


_SENDING: ContextVar[Callable[[], None]] = ContextVar("mcode_sending", default=lambda: None)
"""What the sender of a request wants to be done when it goes out."""


@contextmanager
def sending(tell: Callable[[], None]) -> Iterator[None]:
    """Call `tell` when a request that is made within goes out, after its wait for the wire."""
    token = _SENDING.set(tell)
    try:
        yield
    finally:
        _SENDING.reset(token)


@contextmanager
def placed(place: int) -> Iterator[None]:
    """Requests of coroutines that are started within belong to the item at `place`."""
    token = _PLACE.set(place)
    try:
        yield
    finally:
        _PLACE.reset(token)


class Turns:
    """A semaphore whose waiters are served by (place of the item, iteration), then in order."""

    def __init__(self, slots: int) -> None:
        self._free = slots
        self._waiting: list[tuple[int, int, int, asyncio.Future[None]]] = []
        self._count = itertools.count()

    def add(self, slots: int) -> None:
        """So many more."""
        for _ in range(slots):
            self._pass_on()

    @asynccontextmanager
    async def turn(self, iteration: int) -> AsyncIterator[None]:
        """Hold a slot."""
        if self._free:
            self._free -= 1
        else:
            await self._wait(iteration)
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, iteration: int) -> None:
        mine = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (_PLACE.get(), iteration, next(self._count), mine))
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():  # the slot came in the same moment
                self._pass_on()
            raise

    @asynccontextmanager
    async def wire(self) -> AsyncIterator[None]:
        """Hold a slot from when a request goes out until its answer is there, and no longer.

        Others that are ready then go out before anybody reads the answers that came with it.
        """
        async with self.turn(0):
            _SENDING.get()()
            yield
        await asyncio.sleep(0)  # those who end with this one pass on
        await asyncio.sleep(0)  # and those who are next send

    def _pass_on(self) -> None:
        while self._waiting:
            *_, first = heapq.heappop(self._waiting)
            if not first.done():
                first.set_result(None)
                return
        self._free += 1
