"""Sampling as the options of a request, and what may not be an option."""

from __future__ import annotations

import json
from dataclasses import asdict
from urllib.parse import urlsplit

from pytest_mcode.core.errors import ConfigError
from pytest_mcode.core.records import Json, ModelSpec, Request, Sampling, Task
from pytest_mcode.generation.prompts import (
    EVALPLUS_STOP_SEQUENCES,
    STOP_SEQUENCES,
    TEXT_STOP_SEQUENCES,
    stop_sequences,
)

OWN = frozenset(
    {
        "max_completion_tokens",
        "max_new_tokens",
        "max_tokens",
        "messages",
        "model",
        "num_ctx",
        "num_predict",
        "prompt",
        "seed",
        "stop",
        "stream",
        "temperature",
        "think",
        "top_p",
    }
)
"""Options that `extra` may not set: each has a field in `Sampling`."""

_THINKING = {"true": True, "false": False, "low": "low", "medium": "medium", "high": "high"}

RAW = frozenset({"ollama", "openai", "hf", "huggingface"})
"""Backends with an endpoint that takes a prompt without a chat template."""


def checked(sampling: Sampling) -> dict[str, Json]:
    """The parsed `extra`. Raises `ConfigError` for a wrong `extra` or `thinking`."""
    if sampling.thinking and sampling.thinking not in _THINKING:
        raise ConfigError(
            f"thinking is {sampling.thinking!r}, but must be one of {', '.join(_THINKING)}"
        )
    try:
        extra = json.loads(sampling.extra or "{}")
    except ValueError as error:
        raise ConfigError(f"extra options are not JSON: {error}: {sampling.extra}") from error
    if not isinstance(extra, dict):
        raise ConfigError(f"extra options must be a JSON object: {sampling.extra}")
    if taken := sorted(OWN & extra.keys()):
        raise ConfigError(f"extra options may not set {', '.join(taken)}: each has its own option")
    if "n" in extra:
        raise ConfigError("extra options may not set n: samples are drawn one by one, each seeded")
    return extra


def described(sampling: Sampling) -> dict[str, Json]:
    """Sampling for the fingerprint, with the stop sequences that are really sent."""
    found: dict[str, Json] = asdict(sampling) | {"stop": list(sampling.stop)}
    if sampling.prompt_style == "completion" and not sampling.stop:
        sent = {"function": STOP_SEQUENCES, "text": TEXT_STOP_SEQUENCES}
        if sampling.wording == "evalplus":
            sent = EVALPLUS_STOP_SEQUENCES
        found["stop"] = {shape: list(stop) for shape, stop in sent.items()}
    if not sampling.wording:
        del found["wording"]  # as in fingerprints and draws from before there was another
    return found


def options(spec: ModelSpec, sampling: Sampling, task: Task) -> dict[str, Json]:
    """The options of one request, under the names of the wire; every one is explicit."""
    plain: dict[str, Json] = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "seed": sampling.seed,
        "max_tokens": sampling.max_tokens,
    }
    own = stop_sequences(task, sampling.prompt_style, sampling.wording)
    if stop := list(sampling.stop or own):
        plain["stop"] = stop
    if sampling.thinking:
        plain["thinking"] = _THINKING[sampling.thinking]
    if spec.backend == "ollama":
        plain["num_ctx"] = sampling.context_window
    return plain


def constraint(request: Request) -> dict[str, Json]:
    """What is recorded of a demanded format."""
    return {"format": dict(request.format)} if request.format else {}


def is_raw(spec: ModelSpec, sampling: Sampling) -> bool:
    """True if the prompt goes out as it is, without a chat template."""
    return sampling.prompt_style == "completion" and spec.backend in RAW


def is_openai(base_url: str) -> bool:
    """True for OpenAI's own service, which is stricter than the servers that imitate it."""
    return not base_url or urlsplit(base_url).hostname == "api.openai.com"
