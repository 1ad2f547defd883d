"""HTTP to one server, by aiohttp.

The client of the `openai` package looks at every idle connection for every request, twice, and
takes headers and addresses apart anew in each of its layers: with 64 requests in flight that is
three quarters of the CPU time of a request, all of it on the one thread that the requests share.
"""

from __future__ import annotations

import asyncio
import importlib
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

_IDLE_S = 5.0
"""Seconds after which a connection is not used again: many servers hang up then."""


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
        try:
            return http.Response(
                self.status, headers=self.headers, content=self.body, request=asked
            )
        except http.DecodingError as error:
            raise ConnectionError(f"the server's answer cannot be unpacked: {error}") from error


def library() -> Any:
    """The HTTP library of the `openai` package: `httpx`, or `httpx2` since its version 3."""
    import openai

    made: Any = openai.DefaultAsyncHttpxClient
    return importlib.import_module(made.__mro__[1].__module__.partition(".")[0])


def to(url: str, headers: Mapping[str, str]) -> Lanes | None:
    """Lanes to the server of `url`, with `headers` on each request.

    None where more than a connection is needed: a proxy of the environment, a password in the URL.
    """
    return None if "@" in urlsplit(url).netloc or is_proxied(url) else Lanes(url, headers)


def is_proxied(url: str) -> bool:
    """Whether a proxy of the environment stands between us and a server."""
    parts = urlsplit(url)
    named = not urllib.request.getproxies().keys().isdisjoint((parts.scheme, "all"))
    return named and not urllib.request.proxy_bypass(parts.hostname or "")


class Lanes:
    """Posts to one server; on one event loop."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        parts = urlsplit(url)
        self._secure = parts.scheme == "https"
        self._url = url.rstrip("/")
        self._where = f"{parts.hostname}:{parts.port or (443 if self._secure else 80)}"
        self._headers = {"accept-encoding": "identity", **headers}
        self._session: Any = None

    async def post(self, path: str, body: bytes) -> Reply:
        """The answer, whatever its status. Raises `OSError` where none comes.

        A request that is cancelled hangs up, so that it ends on the server too.
        """
        import aiohttp

        self._session = self._session or self._opened()
        try:
            asked = self._session.post(self._url + path, data=body, allow_redirects=False)
            async with asked as answer:
                headers = [(name.lower(), value) for name, value in answer.raw_headers]
                return Reply(answer.status, headers, await answer.read())
        except aiohttp.ClientConnectorError as error:
            raise ConnectionRefusedError(f"no connection to {self._where}: {error}") from error
        except aiohttp.ClientError as error:
            said = str(error) or type(error).__name__
            raise ConnectionError(f"the server's answer broke off, or is none: {said}") from error

    def _opened(self) -> Any:
        import aiohttp

        trusted = library().create_ssl_context() if self._secure else True
        return aiohttp.ClientSession(
            headers=self._headers,
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_IDLE_S, ssl=trusted),
            timeout=aiohttp.ClientTimeout(total=None),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def aclose(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            await asyncio.sleep(0)  # transports close in the next turn of the loop
