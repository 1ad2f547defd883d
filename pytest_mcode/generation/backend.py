"""Mellea's backends: how one is made, what it raises, and how it is kept silent and exact."""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pytest_mcode.core.errors import ConfigError, InfraError
from pytest_mcode.core.records import ModelSpec, Request
from pytest_mcode.generation import faults, lanes, preflight
from pytest_mcode.generation.turns import Turns

_CONCURRENCY = {"openai": 64, "litellm": 16, "watsonx": 8}
"""In flight by default; an in-process model (hf) is locked and answers one at a time."""


def default_concurrency(backend: str) -> int:
    """Requests in flight where nothing else was asked for."""
    if backend == "ollama":
        slots = os.environ.get("OLLAMA_NUM_PARALLEL", "")
        return int(slots) if slots.isdigit() and int(slots) > 0 else 4
    return _CONCURRENCY.get(backend, 1)


def silence() -> None:
    """Mellea logs to stdout from its import on, and its HTTP library a line for each request."""
    os.environ["MELLEA_LOGS_CONSOLE"] = "0"
    logging.getLogger("mellea").setLevel(logging.CRITICAL)
    for name in ("httpx", "httpx2", "openai"):
        if logging.getLogger(name).level == logging.NOTSET:
            logging.getLogger(name).setLevel(logging.WARNING)


def make(spec: ModelSpec, model: str) -> Any:
    """Mellea's backend for `spec`, without its deadline and retries."""
    silence()
    import mellea

    start: Any = mellea.start_backend
    given: dict[str, Any] = {"formatter": _formatter()}
    if spec.backend == "ollama":
        given |= {"base_url": preflight.ollama_url(spec), "timeout": None}
    elif spec.backend == "openai":
        url, key = preflight.openai_access(spec)
        given |= {"base_url": url, "api_key": key, "timeout": None, "max_retries": 0}
    try:
        live = start(spec.backend, model, **given)[1]
    except ImportError as error:
        raise ConfigError(f"backend {spec.backend}: {' '.join(str(error).split())}") from error
    except OSError as error:
        reason = " ".join(str(error).split())
        raise InfraError(f"backend {spec.backend} could not start: {reason}") from error
    return live


def load(backend: str) -> None:
    """Import what `make` needs: it takes a second, which others can use."""
    silence()
    import mellea  # noqa: F401

    if backend in ("ollama", "openai"):
        importlib.import_module(f"mellea.backends.{backend}")


def lighten(live: Any, wires: Turns) -> bool:
    """Take what costs Mellea's backend for OpenAI most in each request, and is always the same.

    To be called on the loop that will generate: there is one client for each. Requests go out when
    they are given one of the `wires`. Another version of Mellea or of its client that is built
    otherwise stays as it is, and slower: then it is False.
    """
    client: Any = getattr(live, "_async_client", None)
    if not hasattr(client, "_make_status_error_from_response"):
        return False
    from openai.resources.chat.completions import Completions
    from openai.types import Completion
    from openai.types.chat import ChatCompletion

    known = frozenset(inspect.signature(Completions.create).parameters) - {"self"}
    live.filter_chat_completions_kwargs = lambda options: {
        name: value for name, value in options.items() if name in known
    }
    sent = {**client.auth_headers, **client.default_headers}
    own = lanes.to(str(client.base_url), {k: v for k, v in sent.items() if isinstance(v, str)})
    post = functools.partial(_poster, client, own, wires)
    client.chat.completions.create = post("/chat/completions", ChatCompletion)
    client.completions.create = post("/completions", Completion)
    if own is not None:
        client.close = functools.partial(_closed, own, client.close)
    return True


def _poster(client: Any, own: lanes.Lanes | None, wires: Turns, path: str, kind: Any) -> Any:
    """What stands in for `create` of the client: posts to `path`, and returns a `kind`."""

    async def create(*, extra_body: Any = None, **body: Any) -> Any:
        # What we send is plain JSON already, which `create` would walk through against its types.
        whole = {**body, **(extra_body or {})}
        if own is None:
            async with wires.wire():
                return await client.post(path, body=whole, cast_to=kind)
        sent = json.dumps(whole).encode()
        async with wires.wire():
            reply = await own.post(path, sent)
        if reply.is_plain:
            return _read(kind, json.loads(reply.body))
        response = reply.response(str(client.base_url))
        if response.is_error:
            raise client._make_status_error_from_response(response)
        if response.is_redirect:
            return await client.post(path, body=whole, cast_to=kind)
        return _read(kind, response.json())

    return create


def _read(kind: Any, data: Any) -> Any:
    """As the client reads it; what keeps to the protocol, nine times as fast."""
    try:
        return kind.model_validate(data)
    except ValueError:
        if isinstance(data, Mapping) and data.get("error") and not data.get("choices"):
            raise faults.ToldError(data["error"]) from None
        return kind.construct(**_joined(data))


def _joined(data: Any) -> Any:
    """With contents as text that came as lists of parts (Mistral's models that reason)."""
    for choice in data.get("choices") or ():
        message = choice.get("message") or {}
        if isinstance(parts := message.get("content"), list):
            message["content"] = "".join(p["text"] for p in parts if p.get("type") == "text")
    return data


async def _closed(own: lanes.Lanes, close: Callable[[], Awaitable[None]]) -> None:
    await own.aclose()
    await close()


def form(request: Request) -> Any:
    """The JSON schema of a request as Mellea's `format=` takes it, a class; None without one."""
    if not request.format:
        return None
    schema = dict(request.format)
    return type("Answer", (), {"model_json_schema": classmethod(lambda _: schema)})


@functools.cache
def failures(backend: str) -> tuple[type[BaseException], ...]:
    """What the client library of a backend raises when a request fails."""
    import openai

    if backend != "ollama":
        return (openai.APIError, OSError)
    import httpx
    import ollama

    return (ollama.ResponseError, httpx.HTTPError, OSError)


@functools.cache
def _formatter() -> Any:
    """Renders a message as its own text: no template touches a prompt, and none is re-parsed."""
    from mellea.core import CBlock, ModelOutputThunk
    from mellea.formatters import ChatFormatter
    from mellea.stdlib.components import Message as Turn

    class Plain(ChatFormatter):
        """Byte for byte."""

        def print(self, part: Any) -> str:
            """The text of a message, block or answer."""
            if isinstance(part, Turn):
                return str(part.content)
            if isinstance(part, CBlock | ModelOutputThunk):
                return str(part.value or "")
            raise TypeError(f"{type(part).__name__} is no message")

    return Plain()
