"""What went wrong with a request: again, overflow, or no use. Libraries are not imported here."""

from __future__ import annotations

import contextlib
import json
import random
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Literal

from pytest_mcode.core.records import Json

_AGAIN = frozenset({408, 409, 425, 429})
"""Statuses below 500 that a later try may cure."""
_ABSENT = frozenset({502, 503})
"""What gateways say of a server that is gone, and servers while they load a model."""

_OVERFLOW = (
    "context length",
    "context_length",
    "context size",
    "context_size",
    "context window",
    "maximum context",
    "prompt is too long",
    "prompt too long",
    "too many tokens",
)
"""How OpenAI, vLLM, llama.cpp, Ollama and others say that a prompt does not fit."""

_BROKEN_OFF = frozenset({"error", "abort"})
"""Finish reasons of OpenRouter, vLLM and SGLang for an answer that the machinery has ended."""

_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
_LONGEST_ORDERED_PAUSE_S = 120.0

_JITTER = random.Random()


@dataclass(frozen=True)
class Fault:
    """One failed call."""

    kind: Literal["again", "overflow", "refused"]
    reason: str
    """One line."""
    status: int = 0
    """HTTP status, 0 without an answer."""
    retry_after_s: float = 0.0
    """As ordered by the server."""
    absent: bool = False
    """Nobody was there: the connection was refused, or a gateway or loading server said so."""


class ToldError(OSError):
    """An error in the place of an answer, in spite of the status 200 (OpenRouter and others)."""

    def __init__(self, error: Json) -> None:
        super().__init__(words(error))
        code = error.get("code") if isinstance(error, Mapping) else None
        self.status_code = code if isinstance(code, int) and code >= 400 else 200


def broken_off(finish_reason: str) -> Fault | None:
    """The fault of an answer whose end, or whole, the machinery has lost."""
    if finish_reason not in _BROKEN_OFF:
        return None
    return Fault("again", f"the server broke off its answer: {finish_reason}", status=200)


def fault_of(error: BaseException) -> Fault:
    """Class of a library's exception, by its HTTP status; without one the connection failed."""
    status = getattr(error, "status_code", None)
    reason = _reason(error)
    if not isinstance(status, int):
        return Fault("again", reason, absent=_is_refused(error))
    if status < 400:
        return Fault("again", reason, status)
    low = reason.lower()
    if 400 <= status < 600 and status != 429 and any(words in low for words in _OVERFLOW):
        return Fault("overflow", reason, status)
    if status >= 500 or status in _AGAIN:
        after = _retry_after(error)
        return Fault("again", _spoken(status, reason), status, after, status in _ABSENT)
    return Fault("refused", _spoken(status, reason), status)


def pause_s(tries: int, fault: Fault) -> float:
    """Seconds before the next try: doubling with jitter, or what the server ordered."""
    if fault.retry_after_s > 0:
        return min(fault.retry_after_s, _LONGEST_ORDERED_PAUSE_S)
    pause = min(_FIRST_PAUSE_S * 2.0 ** (tries - 1), _LONGEST_PAUSE_S)
    return pause * _JITTER.uniform(0.5, 1.0)


def _spoken(status: int, reason: str) -> str:
    """The status once: libraries put it before the server's words too."""
    said = re.sub(
        rf"^(Error code|status code|HTTP):? {status}[\s:-]*", "", reason, flags=re.IGNORECASE
    )
    said = re.sub(rf"\s*\(status code: {status}\)$", "", said)
    return f"HTTP {status}: {said}" if said else f"HTTP {status}"


def _reason(error: BaseException) -> str:
    if isinstance(error, TimeoutError) and not str(error):
        return "no answer within the deadline (--mcode-request-timeout)"
    text = " ".join(str(error).split()) or type(error).__name__
    body = getattr(error, "body", None)
    if body and re.fullmatch(r"Error code: \d+", text):  # OpenAI's client reads only its own form
        text += f" - {words(body)}"
    cause = error.__cause__
    if cause is not None and str(cause) and str(cause) not in text:
        text += f" ({' '.join(str(cause).split())})"
    return text[:300]


def words(body: Json) -> str:
    """What a server says of an error, in one line: its message, its page without the tags."""
    if isinstance(body, Mapping):
        told = [body[key] for key in ("message", "detail", "error") if body.get(key)]
        return words(told[0]) if told else json.dumps(body)
    text = re.sub(r"<[^<>]*>", " ", body) if isinstance(body, str) else json.dumps(body)
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _is_refused(error: BaseException | None) -> bool:
    """Whether no connection came about; the libraries each wrap it in an error of their own."""
    while error is not None:
        if isinstance(error, ConnectionRefusedError) or type(error).__name__ == "ConnectError":
            return True
        if "Failed to connect to Ollama" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def _retry_after(error: BaseException) -> float:
    """Seconds, from the header's number or date; 0 without one that can be read."""
    while not hasattr(error, "response") and error.__context__ is not None:
        error = error.__context__  # Ollama's client raises its own error, without the response
    response = getattr(error, "response", None)
    given = getattr(response, "headers", {}).get("retry-after", "0")
    with contextlib.suppress(ValueError):
        return float(given)
    with contextlib.suppress(ValueError):
        return max(0.0, parsedate_to_datetime(given).timestamp() - time.time())
    return 0.0
