"""Wrong values: of the same kind as the right ones, drawn anew each time."""

from __future__ import annotations

import ast
import builtins
import re
from random import SystemRandom
from typing import Any

random = SystemRandom()
FAR = 10**6
_NAMED = re.compile(
    r"\b[A-Z]\w*(?:Error|Exception|Exit|Interrupt|Iteration)\b|\bassertRaises\((\w+)"
)
_ORDINARY = (
    AttributeError,
    IndexError,
    KeyError,
    OSError,
    TypeError,
    ValueError,
    ZeroDivisionError,
)
_RARE = ("BufferError", "UnicodeTranslateError", "StopAsyncIteration", "ProcessLookupError")


def literal(node: ast.AST | None) -> bool:
    """True for a value that is written out."""
    try:
        ast.literal_eval(node)  # type: ignore[arg-type]
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return False
    return True


def mutated(value: Any, far: bool = False) -> Any:  # noqa: PLR0911 - one line per type
    """Another value of the same kind; `far` where a test's tolerance must not reach it."""
    if value is None:
        return random.randrange(100)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float | complex):
        step: Any = FAR * (1 + abs(value)) if far else 1
        other = value + random.randrange(1, 9) * step
        return other if other != value and abs(other) < 1e300 else value / 2 - 1
    if isinstance(value, str):
        if not value:
            return word()
        at = random.randrange(len(value))
        other = random.choice([c for c in "aeimnorst0127" if c != value[at].lower()])
        return value[:at] + other + value[at + 1 :]
    if isinstance(value, bytes):
        return value + b"0"
    if isinstance(value, set):
        return value | {next(w for w in iter(word, "") if w not in value)}
    if isinstance(value, dict):
        key = random.choice(list(value)) if value else word()
        return {**value, key: mutated(value.get(key), far)}
    if isinstance(value, list | tuple):
        items = list(value) or [0]
        at = random.randrange(len(items))
        items[at] = mutated(items[at], far)
        return type(value)(items)
    return 0


def changed(node: ast.expr, far: bool = False) -> ast.expr:
    """The expression of another value: another literal, or a pair that holds the value."""
    if literal(node):
        value = ast.literal_eval(node)
        if repr(value) in ("inf", "-inf", "nan"):
            value = 0
        return ast.parse(repr(mutated(value, far)), mode="eval").body
    return ast.Tuple([node, ast.Constant(random.randrange(100))], ast.Load())


def other_exception(text: str) -> str:
    """Name of an exception that a right program does not raise where these tests expect one.

    An ordinary one, not related to any that they name; where they name one that may stand for
    others (`Exception`, a class of their own), one that hardly any program raises.
    """
    names = {found[0].removeprefix("assertRaises(") for found in _NAMED.finditer(text)}
    named = [getattr(builtins, name, Exception) for name in names]
    ordinary = [
        kind.__name__
        for kind in _ORDINARY
        if not any(issubclass(kind, one) or issubclass(one, kind) for one in named)
    ]
    rare = [name for name in _RARE if name not in text]
    return random.choice(ordinary or rare or list(_RARE))


def strangers(values: Any) -> Any:
    """A container of the same kind that holds nothing of this one."""
    if isinstance(values, bytes):
        return bytes([c for c in range(256) if c not in values][: len(values)])
    if isinstance(values, str):
        others = [c for c in "abcdefghijklmnopqrstuvwxyz" if c not in values.lower()]
        return "".join(random.choice(others or ["~"]) for _ in values)
    wrong = []
    for value in values:
        others = [mutated(value), mutated(value, True), mutated(value, True), word()]
        wrong.append(next(other for other in others if other not in values))
    if isinstance(values, dict):
        return dict.fromkeys(wrong)
    return type(values)(wrong)


def word() -> str:
    """Letters that no test expects."""
    return "".join(random.choice("abcdeghilmnoprstu") for _ in range(random.randrange(6, 11)))
