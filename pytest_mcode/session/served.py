"""The generator of a model that the run serves by itself: it waits for its turn."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

from pytest_mcode.core.errors import InfraError
from pytest_mcode.core.protocols import Generator
from pytest_mcode.core.records import Answer, Json, Request
from pytest_mcode.session.serving import Lease


class Served:
    """Asks at the address of the lease that it holds.

    A lease is kept from the first request until the run has come to the items of another model,
    and the requests that are under way have ended.
    """

    def __init__(
        self,
        make: Callable[[str], Generator],
        hold: Callable[[], Lease],
        server: Mapping[str, Json],
    ) -> None:
        unasked = make("")
        self.concurrency = unasked.concurrency
        self._described = dict(unasked.describe()) | ({"server": dict(server)} if server else {})
        self._make = make
        self._hold = hold
        self._turn: _Turn | None = None
        self._changing = threading.Lock()
        self._live: dict[str, Generator] = {}
        """Address -> generator: a server that comes back may have another."""

    def describe(self) -> Mapping[str, Json]:
        """The generator's own description, with what of the server may move a number."""
        return self._described

    async def preflight(self) -> None:
        """Whether its server has the model."""
        turn = self._enter()
        try:
            await self._at(await turn.url()).preflight()
        finally:
            self._leave(turn)

    async def generate(self, request: Request) -> Answer:
        """One answer, when it is the model's turn. Raises `InfraError`."""
        turn = self._enter()
        try:
            return await self._at(await turn.url()).generate(request)
        finally:
            self._leave(turn)

    def move_on(self) -> None:
        """Let go of the server when what is under way has ended; any thread may call this."""
        with self._changing:
            turn, self._turn = self._turn, None
            if turn is not None:
                turn.over = True
                turn.let_go()

    async def aclose(self) -> None:
        """Let go of sockets and of the server."""
        self.move_on()
        live, self._live = list(self._live.values()), {}
        await asyncio.gather(*(generator.aclose() for generator in live), return_exceptions=True)

    def _enter(self) -> _Turn:
        with self._changing:
            if self._turn is None or self._turn.failed:
                self._turn = _Turn(self._hold)
            self._turn.under_way += 1
            return self._turn

    def _leave(self, turn: _Turn) -> None:
        with self._changing:
            turn.under_way -= 1
            turn.let_go()

    def _at(self, url: str) -> Generator:
        if url not in self._live:
            self._live[url] = self._make(url)
        return self._live[url]


class _Turn:
    """One lease, from when it is asked for until all who use it have ended."""

    def __init__(self, hold: Callable[[], Lease]) -> None:
        self.under_way = 0
        self.over = False
        self._dropped = False
        self._told = False
        # A thread of its own: all waiting models together could fill a pool that others need.
        asking = ThreadPoolExecutor(1, thread_name_prefix="mcode-turn")
        self._lease = asking.submit(hold)
        asking.shutdown(wait=False)

    @property
    def failed(self) -> bool:
        """Whether it was refused: the next request asks anew."""
        return self._lease.done() and self._lease.exception() is not None

    async def url(self) -> str:
        """Where to ask, as soon as the lease is there. Raises what `hold` raises."""
        loop, ended = asyncio.get_running_loop(), asyncio.Event()

        def end(_: object) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(ended.set)

        self._lease.add_done_callback(end)
        await ended.wait()
        try:
            return self._lease.result().url
        except InfraError as error:
            if not self._told:
                self._told = True
                raise
            raise InfraError(str(error).splitlines()[0]) from error  # the first item has the log

    def let_go(self) -> None:
        """Release the lease, once, if its time has come; also one that is still to be granted."""
        if self.over and self.under_way == 0 and not self._dropped:
            self._dropped = True
            self._lease.add_done_callback(_release)


def _release(granted: Future[Lease]) -> None:
    if granted.exception() is None:
        granted.result().release()
