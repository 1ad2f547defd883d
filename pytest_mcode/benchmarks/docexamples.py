"""Examples in a docstring as assertions: what a prompt may show of the tests."""

from __future__ import annotations

import ast
import re

from pytest_mcode.benchmarks.asserts import BUILTINS, called_names, free_names

ARROW = re.compile(r"\s*(?:==+>?|=>|➞|->|→|should return|returns?)\s*")
"""What stands between call and result where HumanEval writes no doctest."""


def public_tests(stub: str, entry_point: str) -> tuple[str, ...]:
    """Assertions from the docstring of `stub`, best effort: doctests and `f(x) == y` lines.

    Results must be literals; whatever cannot be parsed is left out.
    """
    try:
        tree = ast.parse(stub + "\n    pass\n")
    except (SyntaxError, ValueError):
        return ()
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    doc = ast.get_docstring(functions[0]) if functions else None
    lines = [line.strip() for line in (doc or "").splitlines()]
    found: dict[str, None] = {}
    for line, following in zip(lines, [*lines[1:], ""], strict=False):
        example = _doctest(line, following) or _inline(line, entry_point)
        if example and _only(entry_point, example):
            found[example] = None
    return tuple(found)


def _only(entry_point: str, example: str) -> bool:
    """Whether the example needs nothing but the function (`is_happy(abcd)` does not run)."""
    tree = ast.parse(example)
    # A printed result is text, whatever it looks like.
    return {*free_names(tree)} - BUILTINS == {entry_point} and "print" not in called_names(tree)


def _doctest(line: str, following: str) -> str:
    return _assertion(line[3:], following) if line.startswith(">>>") else ""


def _inline(line: str, entry_point: str) -> str:
    """`f(1, 2) ➞ 3 # why`, also with a bullet or `>>>` in front."""
    start = line.find(f"{entry_point}(")
    if start < 0:
        return ""
    for arrow in ARROW.finditer(line, start):
        if example := _assertion(line[start : arrow.start()], line[arrow.end() :]):
            return example
    return ""


def _assertion(call: str, result: str) -> str:
    try:
        source = ast.unparse(ast.parse(call.strip(), mode="eval"))
        value = ast.literal_eval(result.strip())
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        return ""
    return f"assert {source} {'is' if value is None else '=='} {value!r}"
