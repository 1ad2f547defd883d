"""Small questions that come at the same time are asked together.

Handing one to a thread costs more than its answer: a tenth of a millisecond, and the turn of the
thread that all requests share.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

T = TypeVar("T")


class Together(Generic[T]):
    """`find` of a key, in a thread; on one event loop.

    What is asked while an earlier batch is looked up forms the next one.
    """

    def __init__(self, find: Callable[[str], T]) -> None:
        self._find = find
        self._keys: list[str] = []
        self._next: asyncio.Task[Mapping[str, T]] | None = None
        self._running: asyncio.Task[Mapping[str, T]] | None = None

    async def __call__(self, key: str) -> T:
        """What `find` returns or raises; that of another key of the batch fails all of it."""
        self._keys.append(key)
        if self._next is None:
            self._next = asyncio.ensure_future(self._batch())
        return (await asyncio.shield(self._next))[key]

    async def _batch(self) -> Mapping[str, T]:
        if self._running is not None:
            await asyncio.wait([self._running])
        keys, self._keys = self._keys, []
        self._running, self._next = self._next, None
        return await asyncio.to_thread(lambda: {key: self._find(key) for key in keys})
