"""Connections that cost no more when there are many.

The clients' own pool looks at every idle connection for every request, twice: with 64 in flight
that is a third of the CPU time of a request.
"""

from __future__ import annotations

import sys
import urllib.request
from collections.abc import AsyncIterator
from typing import Any


def client() -> Any:
    """A client for `openai.AsyncOpenAI`, of the HTTP library that it uses; None behind a proxy."""
    import openai

    if urllib.request.getproxies():
        return None
    made: Any = openai.DefaultAsyncHttpxClient
    http: Any = sys.modules[made.__mro__[1].__module__.partition(".")[0]]
    return made(transport=_lanes(http), timeout=None)


def _lanes(http: Any) -> Any:
    trusted = http.create_ssl_context()
    one = http.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=5.0)

    class Body(http.AsyncByteStream):  # type: ignore[misc]
        """An answer's body, after which its lane is free."""

        def __init__(self, stream: Any, lane: Any, idle: list[Any]) -> None:
            self.stream, self.lane, self.idle = stream, lane, idle

        async def __aiter__(self) -> AsyncIterator[bytes]:
            async for part in self.stream:
                yield part

        async def aclose(self) -> None:
            """Close the body; the connection is kept where it can be."""
            try:
                await self.stream.aclose()
            finally:
                self.idle.append(self.lane)

    class Lanes(http.AsyncBaseTransport):  # type: ignore[misc]
        """One connection per request in flight, the one used last taken first."""

        def __init__(self) -> None:
            self.all: list[Any] = []
            self.idle: list[Any] = []

        async def handle_async_request(self, request: Any) -> Any:
            """Send it down a free lane."""
            if not self.idle:
                self.idle.append(http.AsyncHTTPTransport(verify=trusted, limits=one))
                self.all.append(self.idle[-1])
            lane = self.idle.pop()
            try:
                response = await lane.handle_async_request(request)
            except BaseException:
                self.idle.append(lane)
                raise
            response.stream = Body(response.stream, lane, self.idle)
            return response

        async def aclose(self) -> None:
            """Close all connections."""
            for lane in self.all:
                await lane.aclose()

    return Lanes()
