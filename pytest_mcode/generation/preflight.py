"""Could this server answer for this model? Asked before the first request, with a short timeout."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import importlib.util
import os
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pytest_mcode.core.errors import ConfigError, InfraError
from pytest_mcode.core.records import ModelSpec
from pytest_mcode.generation import lanes, wire

TIMEOUT_S = 10.0

T = TypeVar("T")

_EXTRAS = {"hf": "torch", "huggingface": "torch", "litellm": "litellm", "watsonx": "ibm_watsonx_ai"}


async def ollama_model(spec: ModelSpec, timeout_s: float = TIMEOUT_S) -> str:
    """The name under which Ollama holds exactly this model, in Ollama's own spelling.

    Mellea pulls a model that it does not find, and is content with a prefix: neither may happen,
    so this must come before its backend is made.
    """
    import httpx

    ollama = _made(lambda: importlib.import_module("ollama"))  # it makes a client, too
    client = _made(lambda: ollama.AsyncClient(ollama_url(spec), timeout=timeout_s))
    url = str(client._client.base_url).rstrip("/")
    try:
        have = [str(m.model) for m in (await client.list()).models if m.model]
    except ollama.ResponseError as error:
        raise InfraError(
            f"{url} answers HTTP {error.status_code} to GET /api/tags: is it an Ollama server?"
            f" Name one with --mcode-base-url, or use --mcode-backend=openai{_proxy(url)}"
        ) from error
    except (ConnectionError, httpx.HTTPError, ValueError) as error:
        raise InfraError(
            f"no Ollama at {url}: start it with `ollama serve`,"
            f" or name another server with --mcode-base-url{_proxy(url)}"
        ) from error
    finally:
        await client._client.aclose()
    tail = spec.model.rpartition("/")[2]
    wanted = spec.model if ":" in tail else f"{spec.model}:latest"
    found = [name for name in have if name.casefold() == wanted.casefold()]
    if not found:
        raise ConfigError(
            f"Ollama has no model {spec.model}: `ollama pull {spec.model}` ({_list(have)})"
        )
    return found[0]


def ollama_url(spec: ModelSpec) -> str | None:
    """The server as named by the user; None leaves it to OLLAMA_HOST. A trailing /v1 is dropped."""
    return _legal(spec.base_url.strip().rstrip("/").removesuffix("/v1"), "http://") or None


async def openai_model(spec: ModelSpec, url: str, key: str, timeout_s: float = TIMEOUT_S) -> str:
    """The model's name, when `GET /models` lists it or the server has no such list."""
    import openai

    client = _made(
        lambda: openai.AsyncOpenAI(base_url=url, api_key=key, timeout=timeout_s, max_retries=0)
    )
    try:
        have = [m.id async for m in client.models.list()]
    except openai.APIStatusError as error:
        if error.status_code in (401, 403):
            raise ConfigError(f"{url} refuses the API key: set OPENAI_API_KEY") from error
        if error.status_code in (404, 405, 501):
            await _look_below(client, url)
            return spec.model
        raise InfraError(
            f"{url} answers HTTP {error.status_code} to GET /models{_proxy(url)}"
        ) from error
    except (openai.APIError, OSError, ValueError, TypeError, AttributeError) as error:
        raise InfraError(
            f"no OpenAI-compatible server at {url}: start it,"
            f" or name another with --mcode-base-url (the URL usually ends in /v1){_proxy(url)}"
        ) from error
    finally:
        await client.close()
    if have and spec.model not in have:
        raise ConfigError(f"{url} has no model {spec.model} ({_list(have)})")
    return spec.model


async def _look_below(client: Any, url: str) -> None:
    """Raise `ConfigError` where the list of models is below /v1, which the address has not."""
    import openai

    below = f"{url}/v1"
    nobody = (openai.APIError, OSError, ValueError, TypeError, AttributeError)
    with contextlib.suppress(*nobody):
        if [m.id async for m in client.with_options(base_url=below).models.list()]:
            raise ConfigError(
                f"{url} has no list of models, but {below} has: give that (--mcode-base-url)"
            )


def openai_access(spec: ModelSpec) -> tuple[str, str]:
    """Base URL and API key. Raises `ConfigError` where OpenAI itself is asked without a key."""
    url = openai_url(spec)
    key = spec.api_key or os.environ.get("OPENAI_API_KEY", "")
    if not key and wire.is_openai(url):
        raise ConfigError(
            "no server is named: give --mcode-base-url=http://HOST:PORT/v1,"
            " or set OPENAI_API_KEY to ask OpenAI"
        )
    return url or "https://api.openai.com/v1", key or "EMPTY"


def openai_url(spec: ModelSpec) -> str:
    """The base URL named by the user or by OPENAI_BASE_URL; empty is OpenAI's own."""
    named = (spec.base_url or os.environ.get("OPENAI_BASE_URL", "")).strip().rstrip("/")
    return _legal(named.removesuffix("/chat/completions"))


def _legal(url: str, before: str = "") -> str:
    """The address itself; `before` is what one without a scheme has. Raises `ConfigError`."""
    try:
        parts = urlsplit(url if "://" in url else before + url)
        legal = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        legal = False
    if url and not legal:
        raise ConfigError(
            f"{url!r} is no address of a server: it looks like http://HOST:PORT/v1"
            " (--mcode-base-url)"
        )
    return url


def _made(make: Callable[[], T]) -> T:
    """A client. Raises `ConfigError` where the environment names a proxy that it cannot use."""
    try:
        return make()
    except (ImportError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(
            f"{reason} (look at the proxies of the environment: ALL_PROXY, HTTP_PROXY)"
        ) from error


def _proxy(url: str) -> str:
    """Why a server may seem to be away that is there."""
    if not lanes.is_proxied(url):
        return ""
    host = urlsplit(url).hostname
    return f" (a proxy of the environment was asked for it: NO_PROXY={host} goes without)"


def missing(backend: str) -> str:
    """What is to be installed before a backend can be used; empty where nothing is missing."""
    module = _EXTRAS.get(backend)
    if module is None or importlib.util.find_spec(module) is not None:
        return ""
    extra = "hf" if backend == "huggingface" else backend
    return f"backend {backend} is not installed: pip install 'mellea[{extra}]'"


async def other_model(spec: ModelSpec) -> str:
    """The model's name, when what Mellea needs for the backend is installed."""
    if spec.backend not in _EXTRAS:
        known = ", ".join(("ollama", "openai", *_EXTRAS))
        raise ConfigError(f"Mellea has no backend {spec.backend}: choose one of {known}")
    if problem := await asyncio.to_thread(missing, spec.backend):
        raise ConfigError(problem)
    return spec.model


def _list(have: Sequence[str]) -> str:
    if not have:
        return "it has none"
    shown = ", ".join(sorted(have)[:12])
    return f"it has: {shown}" + (f" and {len(have) - 12} more" if len(have) > 12 else "")
