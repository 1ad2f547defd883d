"""Mellea's backends: how one is made, what it raises, and how it is kept silent and exact."""

from __future__ import annotations

import functools
import logging
import os
from typing import Any

from pytest_mcode.core.errors import ConfigError, InfraError
from pytest_mcode.core.records import ModelSpec
from pytest_mcode.generation import preflight

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
        return start(spec.backend, model, **given)[1]
    except ImportError as error:
        raise ConfigError(f"backend {spec.backend}: {' '.join(str(error).split())}") from error
    except OSError as error:
        reason = " ".join(str(error).split())
        raise InfraError(f"backend {spec.backend} could not start: {reason}") from error


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
