"""What a component handed over is looked at before it is believed, stored or sent.

A generator or sandbox of somebody else may return anything. Whatever could not be written to the
database is a failure of the machinery of this one item, not the end of the run.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any, get_args

from pytest_mcode.core.errors import DataError, InfraError
from pytest_mcode.core.records import (
    Answer,
    Dataset,
    Json,
    Message,
    Mode,
    Program,
    Status,
    Task,
    Verdict,
)

MOST = 2**53
"""No honest count is larger, and every database and JSON reader holds it exactly."""


def dataset(name: str, found: Any) -> Dataset:
    """The data set itself. Raises `DataError` naming the task whose id could name no item."""
    if not isinstance(found, Dataset):
        raise DataError(f"{name}: load() returned {_shown(found)}, not a Dataset")
    _texts("Dataset", found, "sha256", "origin")
    if not found.tasks:
        raise DataError(f"{name}: load() returned no tasks")
    seen: set[str] = set()
    for task in found.tasks:
        if not isinstance(task, Task):
            raise DataError(f"{name}: load() returned {_shown(task)} among its tasks, not a Task")
        named = isinstance(task.task_id, str) and task.task_id.strip()
        if not named or not task.task_id.isprintable():
            raise DataError(f"{name}: task id {_shown(task.task_id)} must be of printable text")
        if task.task_id in seen:
            raise DataError(f"{name}: task id {_shown(task.task_id)} comes twice")
        seen.add(task.task_id)
    return found


def description(what: str, found: Any) -> dict[str, Json]:
    """What identifies a component, as plain JSON. Raises `InfraError`."""
    try:
        made: dict[str, Json] = json.loads(json.dumps(dict(found), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise InfraError(f"{what} returned {_shown(found)}, not an object of JSON") from error
    return made


def program(what: str, found: Any) -> Program:
    """The program itself. Raises `InfraError` naming the wrong field."""
    if not isinstance(found, Program):
        raise InfraError(f"{what} returned {_shown(found)}, not a Program")
    _texts("Program", found, "candidate", "tests", "context")
    _choice("Program", "mode", found.mode, get_args(Mode))
    _counts("Program", found, "checks")
    return found


def answer(found: Any) -> Answer:
    """The answer itself, its options as plain JSON. Raises `InfraError` naming the wrong field."""
    if not isinstance(found, Answer):
        raise InfraError(f"the generator returned {_shown(found)}, not an Answer")
    _texts("Answer", found, "text", "thinking", "finish_reason")
    _choice("Answer", "form", found.form, ("text", "program", "continuation"))
    told = () if found.thinking_tokens is None else ("thinking_tokens",)
    _counts("Answer", found, "prompt_tokens", "completion_tokens", "calls", *told)
    _seconds("Answer", found, "queue_s", "request_s")
    messages = tuple(found.messages)
    for message in messages:
        if not isinstance(message, Message):
            raise InfraError(f"Answer.messages holds {_shown(message)}, not a Message")
        _texts("Message", message, "role", "content")
    try:
        options = json.loads(json.dumps(dict(found.options), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise InfraError(f"Answer.options cannot be written as JSON: {error}") from error
    return replace(found, messages=messages, options=options)


def verdict(found: Any) -> Verdict:
    """The verdict itself. Raises `InfraError` naming the wrong field."""
    if not isinstance(found, Verdict):
        raise InfraError(f"the sandbox returned {_shown(found)}, not a Verdict")
    _choice("Verdict", "status", found.status, get_args(Status))
    _choice("Verdict", "mode", found.mode, ("split", "in_process", "none"))
    _texts("Verdict", found, "detail", "feedback", "stdout", "flaky", "program")
    _counts("Verdict", found, "checks_run")
    if not all(isinstance(k, str) and isinstance(v, bool) for k, v in dict(found.groups).items()):
        raise InfraError(
            f"Verdict.groups is {_shown(found.groups)}, not groups and whether they held"
        )
    _seconds("Verdict", found, "wall_s", "memory_mb")
    return found


def notes(found: Any) -> dict[str, Json]:
    """A strategy's notes as plain JSON. Raises `InfraError`."""
    try:
        made: dict[str, Json] = json.loads(json.dumps(found, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise InfraError(f"Attempt.notes cannot be written as JSON: {error}") from error
    return made


def _choice(record: str, name: str, value: Any, legal: tuple[str, ...]) -> None:
    if value not in legal:
        raise InfraError(f"{record}.{name} is {_shown(value)}, not one of {', '.join(legal)}")


def _texts(record: str, found: Any, *names: str) -> None:
    for name in names:
        if not isinstance(value := getattr(found, name), str):
            raise InfraError(f"{record}.{name} is {_shown(value)}, not a text")


def _counts(record: str, found: Any, *names: str) -> None:
    for name in names:
        value = getattr(found, name)
        if not isinstance(value, int) or not 0 <= value <= MOST:
            raise InfraError(f"{record}.{name} is {_shown(value)}, not a count")


def _seconds(record: str, found: Any, *names: str) -> None:
    for name in names:
        value = getattr(found, name)
        if not isinstance(value, int | float) or not math.isfinite(value):
            raise InfraError(f"{record}.{name} is {_shown(value)}, not a number")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
