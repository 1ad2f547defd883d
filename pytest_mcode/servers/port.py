"""Who listens on a port: nobody, the server that is wanted, or another program."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Callable
from contextlib import closing
from urllib.parse import urlsplit

from pytest_mcode.core.errors import ConfigError
from pytest_mcode.core.records import Json

HOST = "127.0.0.1"
PATIENCE_S = 5.0
_SAID = {401: "a server that wants a key", 503: "a server that is not ready yet"}
"""Status of a list of models that is none -> who has the port."""


def free() -> int:
    """A port that nobody listens on now; close to the moment when it is used."""
    with closing(socket.socket()) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def get(url: str, timeout_s: float = PATIENCE_S) -> tuple[int, bytes]:
    """Status and body of a GET; (0, b"") without an answer.

    Not urllib: a proxy in the environment would take the request.
    """
    parts = urlsplit(url)
    made = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    try:
        with closing(made(parts.netloc, timeout=timeout_s)) as connection:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
    except (OSError, http.client.HTTPException, ValueError):
        return 0, b""


def models(url: str) -> list[str] | None:
    """The models that an OpenAI-compatible server lists; None where there is no such list."""
    return _listed(f"{url}/models", lambda found: [model["id"] for model in found["data"]])


def ollama_models(url: str) -> list[str] | None:
    """The models that an Ollama server has; None where there is no such list."""
    return _listed(f"{url}/api/tags", lambda found: [model["name"] for model in found["models"]])


def _listed(url: str, read: Callable[[Json], list[str]]) -> list[str] | None:
    status, body = get(url)
    try:
        return list(map(str, read(json.loads(body)))) if status == http.HTTPStatus.OK else None
    except (ValueError, LookupError, TypeError):
        return None


def is_taken(url: str) -> bool:
    """Whether anybody accepts connections at the address of a URL."""
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or HOST, parts.port or 80), PATIENCE_S).close()
    except OSError:
        return False
    return True


def is_served(url: str, model: str, listed: list[str] | None) -> bool:
    """Whether a server with the wanted model is running at `url`, whose models are `listed`.

    Raises `ConfigError` where another program has the port.
    """
    if listed is not None and model in listed:
        return True
    if not is_taken(url):
        return False
    address = urlsplit(url).netloc
    raise ConfigError(
        f"{address} is taken by {_who(url, listed)}, and {model} is to be served there: end it, or "
        "give the server of the profile another `port` (0: a free one)"
    )


def _who(url: str, listed: list[str] | None) -> str:
    """As far as it can be seen."""
    if listed is not None:
        return f"a server of {', '.join(sorted(listed)[:5]) or 'no model'}"
    status, _ = get(f"{url}/models")
    return _SAID.get(status, "a program that is no model server")
