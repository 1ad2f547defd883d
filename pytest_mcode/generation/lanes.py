"""HTTP to one server at the least cost: a connection per request in flight, kept and used again.

A general client looks at every idle connection for every request, twice, and takes headers and
addresses apart anew in each of its layers: with 64 requests in flight that is three quarters of the
CPU time of a request, all of it on the one thread that the requests share.
"""

from __future__ import annotations

import asyncio
import importlib
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

_IDLE_S = 5.0
"""Seconds after which a connection is not used again: many servers hang up then."""
_STAGGER_S = 0.25
"""Between tries of the several addresses of a name (RFC 8305)."""


@dataclass(frozen=True)
class Reply:
    """An answer as it came."""

    status: int
    headers: list[tuple[bytes, bytes]]
    """Their names in lower case."""
    body: bytes

    @property
    def is_plain(self) -> bool:
        """Success, and not compressed, though nobody asked for that."""
        return self.status == 200 and all(name != b"content-encoding" for name, _ in self.headers)

    def response(self, url: str) -> Any:
        """The same for the library, as an answer to a POST to `url`."""
        http = library()
        asked = http.Request("POST", url)
        return http.Response(self.status, headers=self.headers, content=self.body, request=asked)


def library() -> Any:
    """The HTTP library of the `openai` package: `httpx`, or `httpx2` since its version 3."""
    import openai

    made: Any = openai.DefaultAsyncHttpxClient
    return importlib.import_module(made.__mro__[1].__module__.partition(".")[0])


def to(url: str, headers: Mapping[str, str]) -> Lanes | None:
    """Lanes to the server of `url`, with `headers` on each request.

    None where more than a connection is needed: a proxy of the environment, a password in the URL.
    """
    parts = urlsplit(url)
    proxied = not urllib.request.getproxies().keys().isdisjoint((parts.scheme, "all"))
    if "@" in parts.netloc or (proxied and not urllib.request.proxy_bypass(parts.hostname or "")):
        return None
    return Lanes(url, headers)


class Lanes:
    """Posts to one server; on one event loop."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        self._trusted = library().create_ssl_context() if secure else None
        self._host, self._port = parts.hostname or "", parts.port or (443 if secure else 80)
        self._path = parts.path.rstrip("/")
        own = {"host": parts.netloc, "accept-encoding": "identity", **headers}
        self._headers = [(name.encode(), value.encode()) for name, value in own.items()]
        self._idle: list[_Lane] = []
        self._open: set[_Lane] = set()

    async def post(self, path: str, body: bytes) -> Reply:
        """The answer, whatever its status. Raises `OSError` where none comes."""
        lane = self._idle_lane() or await self._new_lane()
        try:
            reply = await lane.ask(self._path + path, self._headers, body)
        except BaseException:  # a request that is cancelled shall end on the server too
            lane.abort()
            raise
        if lane.is_usable():
            self._idle.append(lane)
        return reply

    def _idle_lane(self) -> _Lane | None:
        """The one used last, if it is still good."""
        while self._idle:
            lane = self._idle.pop()
            if lane.is_usable() and time.monotonic() - lane.ended < _IDLE_S:
                return lane
            lane.abort()
        return None

    async def _new_lane(self) -> _Lane:
        loop = asyncio.get_running_loop()
        try:
            _, lane = await loop.create_connection(
                lambda: _Lane(self._open),
                self._host,
                self._port,
                ssl=self._trusted,
                happy_eyeballs_delay=_STAGGER_S,
            )
        except OSError as error:
            where = f"{self._host}:{self._port}"
            raise ConnectionRefusedError(f"no connection to {where}: {error}") from error
        return lane

    async def aclose(self) -> None:
        """Close all connections."""
        self._idle.clear()
        while self._open:
            for lane in self._open:
                lane.abort()
            await asyncio.sleep(0)


class _Lane(asyncio.Protocol):
    """One connection, which carries one request at a time; it stands in `among` while open."""

    def __init__(self, among: set[_Lane]) -> None:
        import h11

        self.ended = 0.0
        """When the last answer was whole, by the monotonic clock."""
        self._among = among
        self._h11: Any = h11
        self._http = h11.Connection(h11.CLIENT)
        self._transport: Any = None
        self._answered: asyncio.Future[Reply] | None = None
        self._head: Any = None
        self._body = bytearray()

    async def ask(self, path: str, headers: list[tuple[bytes, bytes]], body: bytes) -> Reply:
        """The answer to one POST."""
        self._answered = asyncio.get_running_loop().create_future()
        given = [*headers, (b"content-length", b"%d" % len(body))]
        request = self._h11.Request(method="POST", target=path, headers=given)
        events = (request, self._h11.Data(data=body), self._h11.EndOfMessage())
        self._transport.write(b"".join(self._http.send(event) for event in events))
        return await self._answered

    def is_usable(self) -> bool:
        """Whether it can carry another request."""
        return self._http.our_state is self._h11.IDLE and not self._transport.is_closing()

    def abort(self) -> None:
        """Hang up at once; safe to call twice."""
        self._transport.abort()

    def connection_made(self, transport: Any) -> None:
        """It is open."""
        self._transport = transport
        self._among.add(self)

    def data_received(self, data: bytes) -> None:
        """A piece of an answer."""
        self._hear(data)

    def eof_received(self) -> None:
        """The server has hung up, which may be how it ends an answer."""
        self._hear(b"")

    def connection_lost(self, error: Exception | None) -> None:
        """It is closed; whoever waits for an answer is told."""
        self._among.discard(self)
        self._fail(error or ConnectionResetError("the server hung up without an answer"))

    def _fail(self, error: Exception) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(error)

    def _hear(self, data: bytes) -> None:
        try:
            self._http.receive_data(data)
            while self._take(self._http.next_event()):
                pass
        except self._h11.RemoteProtocolError as error:
            self._fail(ConnectionError(f"the server's answer broke off, or is none: {error}"))
            self.abort()

    def _take(self, event: Any) -> bool:
        """Take an event in; False after the last one for now."""
        if isinstance(event, self._h11.Response):
            self._head, self._body = event, bytearray()
        elif isinstance(event, self._h11.Data):
            self._body += event.data
        elif isinstance(event, self._h11.EndOfMessage):
            self._end()
        return isinstance(event, self._h11.Event) and not isinstance(
            event, self._h11.ConnectionClosed
        )

    def _end(self) -> None:
        self.ended = time.monotonic()
        if self._http.our_state is self._http.their_state is self._h11.DONE:
            self._http.start_next_cycle()
        else:
            self._transport.close()
        if self._answered is not None and not self._answered.done():
            head = self._head
            reply = Reply(head.status_code, list(head.headers), bytes(self._body))
            self._answered.set_result(reply)
