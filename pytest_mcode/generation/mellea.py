"""Local and remote models through Mellea: the only module that imports it, on first use.

Mellea is transport, option mapping and bookkeeping here. Concurrency, deadline and retries are
ours: the libraries' own are off, so that every call that reached for a server is counted.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_mcode.core.errors import ConfigError, InfraError
from pytest_mcode.core.records import Answer, Json, Message, Messages, ModelSpec, Request
from pytest_mcode.generation import faults, preflight, wire

_CONCURRENCY = {"openai": 64, "litellm": 16, "watsonx": 8}
"""In flight by default; an in-process model (hf) is locked and answers one at a time."""

_MALFORMED = (LookupError, TypeError, ValueError, AttributeError, AssertionError)
"""What Mellea raises over an answer with status 200 that is no completion."""


class Mellea:
    """One model behind one Mellea backend, on the event loop that first generates."""

    def __init__(self, spec: ModelSpec) -> None:
        if not spec.model:
            raise ConfigError(f"backend {spec.backend} needs a model: --mcode-model=NAME")
        self._extra = wire.checked(spec.sampling)
        self.spec = spec
        self.concurrency = spec.concurrency or _default_concurrency(spec.backend)
        self._slots = asyncio.Semaphore(self.concurrency)
        self._starting = asyncio.Lock()
        self._model = ""
        self._backend: Any = None

    def describe(self) -> Mapping[str, Json]:
        """Backend, model and sampling. The URL moves no number and is left out."""
        return {
            "backend": self.spec.backend,
            "model": self.spec.model,
            "sampling": wire.described(self.spec),
        }

    async def preflight(self) -> None:
        """Ask the server for the model. Raises `ConfigError` or `InfraError` with the cure."""
        if self.spec.backend == "ollama":
            _silence()
            self._model = await preflight.ollama_model(self.spec)
        elif self.spec.backend == "openai":
            _silence()
            url, key = preflight.openai_access(self.spec)
            self._model = await preflight.openai_model(self.spec, url, key)
        else:
            self._model = await preflight.other_model(self.spec)

    async def generate(self, request: Request) -> Answer:
        """One answer; a prompt that does not fit is an empty one (`context_overflow`).

        Raises `InfraError` when the server refused or stayed away through all retries.
        """
        asked = time.perf_counter()
        async with self._slots:
            begun = time.perf_counter()
            await self._started()
            options = wire.options(self.spec, request.sampling, request.task)
            calls = 0
            while True:
                calls += 1
                called = time.perf_counter()
                reply = await self._call(request, options)
                if isinstance(reply, _Reply):
                    break
                if reply.kind == "overflow":
                    reply = _Reply("", request.messages, finish_reason="context_overflow")
                    break
                if reply.kind == "refused" or calls > self.spec.retries:
                    raise InfraError(self._complaint(reply, calls))
                await asyncio.sleep(faults.pause_s(calls, reply))
        return Answer(
            text=reply.text,
            form="continuation" if wire.is_raw(self.spec, request.sampling) else "text",
            thinking=reply.thinking,
            messages=reply.messages,
            options={**options, **self._extra},
            prompt_tokens=reply.prompt_tokens,
            completion_tokens=reply.completion_tokens,
            finish_reason=reply.finish_reason,
            queue_s=begun - asked,
            request_s=time.perf_counter() - called,
            calls=calls,
        )

    async def aclose(self) -> None:
        """Close the backend's sockets; a later request starts it anew."""
        backend, self._backend = self._backend, None
        if backend is not None:
            await backend.aclose()

    async def _started(self) -> None:
        """Make the backend, after a preflight: Ollama's would pull a model that is not there."""
        if self._backend is not None:
            return
        async with self._starting:
            if self._backend is None:
                if not self._model:
                    await self.preflight()
                # In a thread: the import takes a second, and Mellea asks the server for its kind.
                self._backend = await asyncio.to_thread(_backend, self.spec, self._model)

    async def _call(self, request: Request, options: Mapping[str, Json]) -> _Reply | faults.Fault:
        """One call under the deadline."""
        ask = _complete if wire.is_raw(self.spec, request.sampling) else _chat
        try:
            async with asyncio.timeout(self.spec.request_timeout_s):
                return await ask(self._backend, request.messages, self._named(options))
        except _failures(self.spec.backend) as error:
            return faults.fault_of(error)
        except _MALFORMED as error:
            what = f"the answer is no completion: {type(error).__name__}: {error}"
            return faults.Fault("again", " ".join(what.split())[:300])

    def _named(self, options: Mapping[str, Json]) -> dict[str, Any]:
        """The options under Mellea's names: those that it does not know vanish silently."""
        from mellea.backends import ModelOption

        names = {
            "seed": ModelOption.SEED,
            "max_tokens": ModelOption.MAX_NEW_TOKENS,
            "stop": ModelOption.STOP_SEQUENCES,
            "thinking": ModelOption.THINKING,
            "num_ctx": ModelOption.CONTEXT_WINDOW,
        }
        named = {names.get(name, name): value for name, value in options.items()}
        if self.spec.backend != "openai":
            return named | self._extra
        body = dict(self._extra)
        if not wire.is_openai(preflight.openai_url(self.spec)):
            # Mellea sends max_completion_tokens alone, which several local servers ignore: they
            # would generate without bound. OpenAI itself refuses the pair.
            body["max_tokens"] = options["max_tokens"]
        return named | {"extra_body": body}

    def _complaint(self, fault: faults.Fault, calls: int) -> str:
        where = f"{self.spec.backend} model {self.spec.model}"
        if self.spec.base_url:
            where += f" at {self.spec.base_url}"
        cure = {
            401: "set the API key (OPENAI_API_KEY)",
            403: "this key may not use the model",
            404: "check the model's name and --mcode-base-url",
            429: "lower --mcode-concurrency",
        }.get(fault.status, "look at the server's log" if fault.status else "is the server up?")
        tries = f" after {calls} calls" if calls > 1 else ""
        return f"{where} failed{tries}: {fault.reason}; {cure}"


@dataclass(frozen=True)
class _Reply:
    """What came back from one call."""

    text: str
    messages: Messages
    thinking: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    finish_reason: str = ""


async def _chat(backend: Any, messages: Messages, options: Mapping[str, Any]) -> _Reply:
    from mellea.stdlib.components import Message as Turn
    from mellea.stdlib.context import ChatContext

    context = ChatContext()  # bound to no model: Mellea drops no old turns
    for message in messages[:-1]:
        context = context.add(Turn(message.role, message.content))
    last = Turn(messages[-1].role, messages[-1].content)
    thunk, _ = await backend.generate_from_context(last, context, model_options=dict(options))
    async with thunk:  # leaving it cancels the HTTP request, which a plain await would not
        text = await thunk.avalue()
    usage = thunk.generation.usage or {}
    log = thunk.generate_log
    sent = log.prompt if log is not None and isinstance(log.prompt, list) else None
    return _Reply(
        text=text,
        messages=tuple(Message(m["role"], m["content"]) for m in sent) if sent else messages,
        thinking=thunk.thinking or "",
        prompt_tokens=usage.get("prompt_tokens") or 0,
        completion_tokens=usage.get("completion_tokens") or 0,
        finish_reason=(thunk.generation.finish_reasons or [""])[0] or "",
    )


async def _complete(backend: Any, messages: Messages, options: Mapping[str, Any]) -> _Reply:
    """The raw prompt to `/v1/completions`, or to Ollama's `/api/generate` with `raw`."""
    from mellea.core import CBlock
    from mellea.stdlib.context import SimpleContext

    prompt = "\n\n".join(m.content for m in messages)
    thunks = await backend.generate_from_raw(
        [CBlock(prompt)], SimpleContext(), model_options=dict(options)
    )
    thunk = thunks[0]
    response = thunk.raw.response if thunk.raw is not None else None
    answered = response if isinstance(response, Mapping) else {}
    # OpenAI reports usage for the batch, which is this one prompt; Ollama for each.
    whole = thunk.generate_log.model_output if thunk.generate_log is not None else None
    batch = getattr(whole, "usage", None)
    usage = thunk.generation.usage or (batch.model_dump() if batch is not None else {})
    return _Reply(
        text=thunk.value or "",
        messages=(Message("user", prompt),),
        thinking=answered.get("thinking") or "",
        prompt_tokens=usage.get("prompt_tokens") or 0,
        completion_tokens=usage.get("completion_tokens") or 0,
        finish_reason=answered.get("finish_reason") or answered.get("done_reason") or "",
    )


def _default_concurrency(backend: str) -> int:
    if backend == "ollama":
        slots = os.environ.get("OLLAMA_NUM_PARALLEL", "")
        return int(slots) if slots.isdigit() and int(slots) > 0 else 4
    return _CONCURRENCY.get(backend, 1)


def _silence() -> None:
    """Mellea logs to stdout from its import on, and its HTTP library a line for each request."""
    os.environ["MELLEA_LOGS_CONSOLE"] = "0"
    logging.getLogger("mellea").setLevel(logging.CRITICAL)
    for name in ("httpx", "httpx2", "openai"):
        if logging.getLogger(name).level == logging.NOTSET:
            logging.getLogger(name).setLevel(logging.WARNING)


def _backend(spec: ModelSpec, model: str) -> Any:
    """Mellea's backend for `spec`, without its deadline and retries."""
    _silence()
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
def _failures(backend: str) -> tuple[type[BaseException], ...]:
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
