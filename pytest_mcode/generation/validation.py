"""Mellea's own loop and its judge. Their prompts and their control flow are the library's; every
request goes through whoever calls them, so that it is seeded, counted and kept like any other."""

from __future__ import annotations

import datetime
import functools
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from pytest_mcode.core.records import Answer, Attempt, Message, Messages
from pytest_mcode.generation import backend
from pytest_mcode.generation.fences import without_thinking
from pytest_mcode.generation.prompts import complaint

PASSES = "The code passes the tests of the task."
"""The requirement of the loop, as the model reads it."""

MEETS = (
    "The Python code in the output is a correct and complete solution of the task: "
    "it would pass every test of it, edge cases included."
)
"""The requirement that a judge is asked about."""

_WORD = re.compile(r"\b(yes|no)\b", re.IGNORECASE)


async def instruct(
    task: str, tries: int, make: Callable[[int, Messages], Awaitable[Attempt]]
) -> Sequence[Attempt]:
    """Instruct, validate, repair (`RepairTemplateStrategy`): at most `tries` attempts.

    `make` draws and verifies the attempt of an iteration. Raises what it raises first.
    """
    backend.silence()
    from mellea.stdlib import functional
    from mellea.stdlib.context import SimpleContext
    from mellea.stdlib.sampling import RepairTemplateStrategy

    made: list[Attempt] = []

    async def send(messages: Messages) -> Answer:
        made.append(await make(len(made), messages))
        return made[-1].answer

    await functional.ainstruct(
        task,
        SimpleContext(),
        _asking()(send),
        requirements=[_passes()(made)],
        strategy=RepairTemplateStrategy(loop_budget=tries),
        return_sampling_results=True,
    )
    return made


async def judge(
    task: Messages, output: str, send: Callable[[Messages], Awaitable[Answer]]
) -> bool | None:
    """Whether a model holds that `output`, its answer to `task`, meets it: Mellea's validation of
    a requirement (LLM as a judge), one request. None where it says neither yes nor no."""
    backend.silence()
    from mellea.core import ModelOutputThunk, Requirement
    from mellea.stdlib import functional
    from mellea.stdlib.components import Message as Turn
    from mellea.stdlib.context import ChatContext

    context = ChatContext()
    for message in task:
        context = context.add(Turn(message.role, message.content))
    said: list[bool | None] = []

    def heard(thunk: Any) -> bool:
        said.append(opinion(str(thunk)))
        return bool(said[-1])

    requirement = Requirement(MEETS, output_to_bool=heard)
    thunk = ModelOutputThunk(value=output)
    await functional.avalidate([requirement], context.add(thunk), _asking()(send), output=thunk)
    return said[-1]


def opinion(text: str) -> bool | None:
    """Yes or no, as the judge's first such word says: the library's own reading takes "No, I cannot
    say yes" for a yes."""
    found = _WORD.search(without_thinking(text))
    return None if found is None else found[1].lower() == "yes"


@functools.cache
def _asking() -> Any:
    """Mellea's backend whose every generation is one call of a function."""
    from mellea.backends.backend import FormatterBackend
    from mellea.core import Component, GenerateLog, ModelOutputThunk
    from mellea.formatters import TemplateFormatter

    class Asking(FormatterBackend):
        """Renders with the library's templates; sends through `send`."""

        def __init__(self, send: Callable[[Messages], Awaitable[Answer]]) -> None:
            super().__init__("mcode", TemplateFormatter("mcode"))
            self._model_id, self._provider = "mcode", "mcode"
            self._send = send

        async def _generate_from_context(
            self, action: Any, ctx: Any, *_: Any, **__: Any
        ) -> tuple[Any, Any]:
            turns = self.formatter.to_chat_messages([*(ctx.view_for_generation() or []), action])
            messages = tuple(_message(turn) for turn in turns)
            answer = await self._send(messages)
            thunk: Any = ModelOutputThunk(value=answer.text)
            thunk.parsed_repr = action.parse(thunk) if isinstance(action, Component) else None
            thunk._generate_log = GenerateLog(
                date=datetime.datetime.now(datetime.UTC),
                prompt=[{"role": m.role, "content": m.content} for m in messages],
                backend="mcode",
                model_output=answer.text,
                action=action,
                result=thunk,
            )
            return thunk, ctx.add(action).add(thunk)

        async def _generate_from_raw(self, *_: Any, **__: Any) -> Any:
            raise NotImplementedError

    return Asking


def _message(turn: Any) -> Message:
    return Message(turn.role, turn.content)


@functools.cache
def _passes() -> Any:
    """The requirement that the newest attempt passes: verified already, by the sandbox."""
    from mellea.core import Requirement, ValidationResult

    class Passes(Requirement):
        """Says what went wrong as far as the attempt may tell it."""

        def __init__(self, made: Sequence[Attempt]) -> None:
            super().__init__(PASSES)
            self._made = made

        def __deepcopy__(self, _: Any) -> Any:
            return self  # the library copies the instruction; the attempts stay the same

        async def validate(self, *_: Any, **__: Any) -> Any:
            last = self._made[-1]
            return ValidationResult(last.verdict.passed, reason=complaint(last))

    return Passes
