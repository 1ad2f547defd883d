"""Wrong values: of the same kind as the right ones, drawn anew each time."""

from __future__ import annotations

import ast
from random import SystemRandom
from typing import Any

random = SystemRandom()
FAR = 10**6


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


def word() -> str:
    """Letters that no test expects."""
    return "".join(random.choice("aeiorstn") for _ in range(8))
