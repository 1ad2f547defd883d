"""Local and remote models through Mellea; it is imported on first use, here and in `backend`.

Mellea is transport, option mapping and bookkeeping here. Concurrency, deadline and retries are
ours: the libraries' own are off, so that every call that reached for a server is counted.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_mcode.core.errors import ConfigError, InfraError
from pytest_mcode.core.records import Answer, Json, Message, Messages, ModelSpec, Request
from pytest_mcode.generation import backend, faults, preflight, turns, wire
from pytest_mcode.generation.outage import Outage
from pytest_mcode.generation.turns import Turns

_MALFORMED = (LookupError, TypeError, ValueError, AttributeError, AssertionError)
"""What Mellea raises over an answer with status 200 that is no completion."""


class Mellea:
    """A model behind one of Mellea's backends. It is of the event loop that first generates."""

    def __init__(self, spec: ModelSpec) -> None:
        if not spec.model:
            raise ConfigError(f"backend {spec.backend} needs a model: --mcode-model=NAME")
        self._extra = wire.checked(spec.sampling)
        self.spec = spec
        self.concurrency = spec.concurrency or backend.default_concurrency(spec.backend)
        self._turns = Turns(self.concurrency)
        """Whose request is made ready, or asked at once where it cannot wait for a wire."""
        self._wires = Turns(self.concurrency)
        self._wired = False
        self._outage = Outage(spec.patience_s, spec.retries)
        self._starting = asyncio.Lock()
        self._model = ""
        self._backend: Any = None

    def describe(self) -> Mapping[str, Json]:
        """Backend and model. The URL moves no number; sampling comes with each request."""
        return {"backend": self.spec.backend, "model": self.spec.model}

    async def preflight(self) -> None:
        """Ask the server for the model. Raises `ConfigError` or `InfraError` with the cure."""
        await self._find(preflight.TIMEOUT_S)

    async def _find(self, timeout_s: float) -> None:
        if self.spec.backend == "ollama":
            backend.silence()
            self._model = await preflight.ollama_model(self.spec, timeout_s)
        elif self.spec.backend == "openai":
            backend.silence()
            url, key = preflight.openai_access(self.spec)
            self._model = await preflight.openai_model(self.spec, url, key, timeout_s)
        else:
            self._model = await preflight.other_model(self.spec)
        await asyncio.to_thread(backend.load, self.spec.backend)

    async def generate(self, request: Request) -> Answer:
        """One answer; a prompt that does not fit is an empty one (`context_overflow`).

        Raises `InfraError` when the server refused or stayed away through all retries.
        """
        asked = time.perf_counter()
        async with self._turns.turn(request.iteration):
            begun = time.perf_counter()
            if not self._outage.over:
                await self.start()
            options = wire.options(self.spec, request.sampling, request.task)
            left: list[float] = []
            reply, calls, called = await self._answered(request, options, left)
        return Answer(
            text=reply.text,
            form="continuation" if wire.is_raw(self.spec, request.sampling) else "text",
            thinking=reply.thinking,
            messages=reply.messages,
            options={**options, **self._extra, **wire.constraint(request)},
            prompt_tokens=reply.prompt_tokens,
            completion_tokens=reply.completion_tokens,
            thinking_tokens=reply.thinking_tokens,
            finish_reason=reply.finish_reason,
            queue_s=(left[0] if left else begun) - asked,
            request_s=time.perf_counter() - max([called, *left[-1:]]),
            calls=calls,
        )

    async def _answered(
        self, request: Request, options: Mapping[str, Json], left: list[float]
    ) -> tuple[_Reply, int, float]:
        """The reply, the calls that it took, when the last began; `left`: when each went out."""
        calls, failing = 0, 0.0
        while not self._outage.over:
            calls += 1
            called = time.perf_counter()
            reply = await self._call(request, options, left)
            if isinstance(reply, _Reply) or reply.kind != "again":
                self._outage.answered()
            if isinstance(reply, _Reply):
                return reply, calls, called
            if reply.kind == "overflow":
                empty = _Reply("", request.messages, finish_reason="context_overflow")
                return empty, calls, called
            failing = failing or called
            failing_s = time.perf_counter() - failing
            enough = reply.kind == "refused" or self._outage.is_enough(reply, calls, failing_s)
            if enough and not self._outage.over:
                raise InfraError(self._complaint(reply, calls))
            await self._outage.pause(reply, calls)
        raise InfraError(self._farewell())

    async def aclose(self) -> None:
        """Close the backend's sockets; a later request starts it anew."""
        live, self._backend = self._backend, None
        if live is not None:
            await live.aclose()

    async def start(self) -> None:
        """Make the backend, if need be, after a preflight: Ollama's would pull a model that is not
        there."""
        if self._backend is not None:
            return
        async with self._starting:
            if self._backend is None:
                if not self._model:  # as patient as with a request: a busy server answers late
                    await self._find(max(preflight.TIMEOUT_S, self.spec.request_timeout_s))
                # In a thread: the import takes a second, and Mellea asks the server for its kind.
                live = await asyncio.to_thread(backend.make, self.spec, self._model)
                if self.spec.backend == "openai" and backend.lighten(live, self._wires):
                    # As many requests again wait ready for the moment when an answer comes.
                    self._turns.add(0 if self._wired else self.concurrency)
                    self._wired = True
                self._backend = live

    async def _call(
        self, request: Request, options: Mapping[str, Json], left: list[float]
    ) -> _Reply | faults.Fault:
        """One call, under a deadline from when it goes out."""
        ask = _complete if wire.is_raw(self.spec, request.sampling) else _chat
        seconds, now = self.spec.request_timeout_s, asyncio.get_running_loop().time

        def leave() -> None:
            if self._outage.over:
                raise ConnectionError(self._outage.over)
            left.append(time.perf_counter())
            deadline.reschedule(now() + seconds)

        try:
            async with asyncio.timeout(None if self._wired else seconds) as deadline:
                with turns.sending(leave):
                    reply = await ask(
                        self._backend,
                        request.messages,
                        self._named(options),
                        backend.form(request),
                    )
            return faults.broken_off(reply.finish_reason) or reply
        except backend.failures(self.spec.backend) as error:
            return faults.fault_of(error)
        except _MALFORMED as error:
            what = f"the answer is no completion: {type(error).__name__}: {error}"
            return faults.Fault("again", " ".join(what.split())[:300], status=200)

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

    def _where(self) -> str:
        where = f"{self.spec.backend} model {self.spec.model}"
        return where + (f" at {self.spec.base_url}" if self.spec.base_url else "")

    def _farewell(self) -> str:
        """The same line for every item, so that it stands once in the summary."""
        return (
            f"{self._where()} is gone ({self._outage.over}); no more was asked of it: start it"
            " again and go on with --mcode-resume, or wait longer with --mcode-patience"
        )

    def _complaint(self, fault: faults.Fault, calls: int) -> str:
        cure = {
            401: "set the API key (OPENAI_API_KEY)",
            403: "this key may not use the model",
            404: "check the model's name and --mcode-base-url",
            429: "lower --mcode-concurrency",
        }.get(fault.status, "look at the server's log" if fault.status else "is the server up?")
        tries = f" after {calls} calls" if calls > 1 else ""
        return f"{self._where()} failed{tries}: {fault.reason}; {cure}"


@dataclass(frozen=True)
class _Reply:
    """What came back from one call."""

    text: str
    messages: Messages
    thinking: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    thinking_tokens: int | None = None
    finish_reason: str = ""


async def _chat(live: Any, messages: Messages, options: Mapping[str, Any], form: Any) -> _Reply:
    from mellea.stdlib.components import Message as Turn
    from mellea.stdlib.context import ChatContext

    context = ChatContext()  # bound to no model: Mellea drops no old turns
    for message in messages[:-1]:
        context = context.add(Turn(message.role, message.content))
    last = Turn(messages[-1].role, messages[-1].content)
    thunk, _ = await live.generate_from_context(
        last, context, format=form, model_options=dict(options)
    )
    async with thunk:  # leaving it cancels the HTTP request, which a plain await would not
        text = await thunk.avalue()
    usage = thunk.generation.usage or {}
    log = thunk.generate_log
    sent = log.prompt if log is not None and isinstance(log.prompt, list) else None
    return _Reply(
        text=text,
        messages=tuple(Message(m["role"], m["content"]) for m in sent) if sent else messages,
        thinking=thunk.thinking or "",
        prompt_tokens=_count(usage, "prompt_tokens"),
        completion_tokens=_count(usage, "completion_tokens"),
        thinking_tokens=_thought(usage, thunk.thinking),
        finish_reason=(thunk.generation.finish_reasons or [""])[0] or "",
    )


async def _complete(live: Any, messages: Messages, options: Mapping[str, Any], form: Any) -> _Reply:
    """The raw prompt to `/v1/completions`, or to Ollama's `/api/generate` with `raw`."""
    from mellea.core import CBlock
    from mellea.stdlib.context import SimpleContext

    prompt = "\n\n".join(m.content for m in messages)
    thunks = await live.generate_from_raw(
        [CBlock(prompt)], SimpleContext(), format=form, model_options=dict(options)
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
        prompt_tokens=_count(usage, "prompt_tokens"),
        completion_tokens=_count(usage, "completion_tokens"),
        thinking_tokens=_thought(usage, answered.get("thinking")),
        finish_reason=answered.get("finish_reason") or answered.get("done_reason") or "",
    )


def _count(usage: Mapping[str, Any], kind: str) -> int:
    """Tokens; 0 where the server tells none, or what is no count (-1)."""
    told = usage.get(kind)
    return told if isinstance(told, int) and told > 0 else 0


def _thought(usage: Mapping[str, Any], thinking: str | None) -> int | None:
    """Tokens of thinking, as OpenAI and vLLM (among the details) or SGLang tell them.

    Ollama and llama.cpp tell none; and 0 beside a text of thinking is said by servers that do not
    count it.
    """
    details = usage.get("completion_tokens_details") or {}
    told = details.get("reasoning_tokens", usage.get("reasoning_tokens"))
    return told if isinstance(told, int) and (told > 0 or not thinking) else None
