"""The tests as the judge runs them: compiled, with every assertion counted; and failures in words.

A check is an `assert` statement whose condition is not a constant. The judge counts the places in
the source that held, be they conditional or not. `Program.checks` is the floor for that count: the
benchmarks count the same statements, but leave out those that a correct run may skip (in `if`,
`while`, `match`, `except`, `else`). The rule for a constant is written twice on purpose, because a
judge that imports the party it checks is no judge.
"""

from __future__ import annotations

import ast
import marshal
import re
import reprlib
from collections.abc import Iterator
from contextlib import suppress
from itertools import takewhile
from types import CodeType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

TESTS = "<tests>"
"""File name of the tests in tracebacks."""
HELD = "__mcode_held__"
"""Name under which the instrumented tests find the list of checks that held."""
PROGRAM, GROUPS, NOTES = "__mcode_candidate__", "__mcode_groups__", "__mcode_notes__"
"""Names under which tests find the program itself, the record of which groups of them held, and
what else the host knows and wants to know."""
_EXACT = 2
"""As in `wire`: values, not which of them are one object."""
_MOST_LINE = 400
_MOST_AHEAD = 64 << 10
_MOST_MISSES = 4
_BUFFERS = ("numpy", "bytearray", "memoryview", "array")

_BY_NAME = ("globals", "locals", "vars", "eval", "exec", "modules", "__import__", "importlib")
"""Words in tests that may look up a name without naming it."""

_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


class _Repr(reprlib.Repr):
    """By the exact type: Python 3.11's goes by its name, and would take an object of the candidate
    whose class is called `list` for one, and ask it for its items."""

    def repr1(self, x: Any, level: int) -> str:
        if type(x).__module__ != "builtins" and type(x).__module__ != "collections":
            return self.repr_instance(x, level)
        return super().repr1(x, level)


_short = _Repr()
_short.maxlist = _short.maxtuple = _short.maxset = _short.maxdict = _short.maxdeque = 40
_short.maxstring = _short.maxother = 200
_short.maxlong = 60
_short.maxlevel = 6


class _Counter(ast.NodeTransformer):
    """Adds `held[i] = True` behind every check."""

    def __init__(self) -> None:
        self.lines: list[tuple[int, int]] = []

    def visit_Assert(self, node: ast.Assert) -> ast.AST | list[ast.AST]:
        if isinstance(node.test, ast.Constant):
            return node
        mark = ast.parse(f"{HELD}[{len(self.lines)}] = True").body[0]
        for part in ast.walk(mark):
            ast.copy_location(part, node)
        self.lines.append((node.lineno, node.end_lineno or node.lineno))
        return [node, mark]


def _literal_arguments(tree: ast.AST) -> Iterator[bytes]:
    """The exact values of the arguments of each call that has nothing but literal ones."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and not node.keywords:
            with suppress(ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
                yield marshal.dumps(tuple(map(ast.literal_eval, node.args)), _EXACT)


def _tells_all(tree: ast.AST, names: set[str]) -> bool:
    """Whether the tests do nothing with these names of the program, nor with parameters that stand
    for them, but call them with arguments in which no name occurs: so none that it has returned."""
    calls = [(node.func, node) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    own = {n.name: n.args.args for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}
    handed_on: set[ast.AST] = set()
    for _ in own:  # through one function after the other
        for function, call in calls:
            parameters = own.get(function.id, []) if isinstance(function, ast.Name) else []
            for parameter, value in zip(parameters, call.args, strict=False):
                if isinstance(value, ast.Name) and value.id in names:
                    handed_on.add(value)
                    names.add(parameter.arg)
    plain = {f for f, call in calls if not any(map(_names, [*call.args, *call.keywords]))}
    return all(use in plain or use in handed_on for use in _names(tree) if use.id in names)


def _names(tree: ast.AST) -> list[ast.Name]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Name)]


def _needed(context: str, tests: str) -> ast.Module:
    """The context without imports of which the tests can know nothing: most tasks' annotations
    need `typing`, half a megabyte of the judge's, and their tests do not."""
    tree = ast.parse(context, "<context>")
    others = [s for s in tree.body if not isinstance(s, ast.Import | ast.ImportFrom)]
    mentioned = tests + "".join(map(ast.unparse, others))
    if not any(word in mentioned for word in _BY_NAME):
        tree.body = [s for s in tree.body if _is_mentioned(s, mentioned)]
    return tree


def _is_mentioned(statement: ast.stmt, text: str) -> bool:
    if not isinstance(statement, ast.Import | ast.ImportFrom):
        return True
    names = [(alias.asname or alias.name).split(".")[0] for alias in statement.names]
    return any(name in ("*", "annotations") or name in text for name in names)


class Suite:
    """The compiled tests of one task."""

    def __init__(self, context: str, tests: str) -> None:
        tree = ast.parse(tests, TESTS)
        counter = _Counter()
        tree = counter.visit(tree)
        self.checks = len(counter.lines)
        self.spans = counter.lines
        self.tests = tests
        self.code: CodeType = compile(tree, TESTS, "exec", dont_inherit=True)
        self.context: CodeType | None = None
        if (needed := _needed(context, tests)).body:
            self.context = compile(needed, "<context>", "exec", dont_inherit=True)
        self.random = "random" in tests or "random" in context
        self.buffers = any(word in tests or word in context for word in _BUFFERS)
        self.calls: list[bytes] = []
        """What the tests ask for, as a program that passed was asked."""
        self.foreseen = b""
        """The same as the worker is sent it, ahead of the questions."""
        self.misses = 0

    def learn(self, calls: list[bytes]) -> None:
        """Let the next program be sent these calls along: a turn each is saved.

        But none from the first on whose arguments do not stand in the tests as they are: made of
        what this program has returned, they would tell the next one what is right. And none at all
        where those that do may have come about that way: `f("cba")` may be the outer `f(f("abc"))`.
        """
        if not calls or self.calls or self.misses >= _MOST_MISSES:
            return
        messages = [marshal.loads(call) for call in calls]
        tree = ast.parse(self.tests)
        literal = set(_literal_arguments(tree))
        known = [not kw and marshal.dumps(args, _EXACT) in literal for _, _, args, kw in messages]
        messages = messages[: sum(takewhile(bool, known))]
        calls = [marshal.dumps(message, _EXACT) for message in messages]
        if not calls or sum(map(len, calls)) > _MOST_AHEAD:
            self.misses += 1
        elif _tells_all(tree, {name for _, name, _, _ in messages}):
            self.calls, self.foreseen = calls, marshal.dumps(messages)
        else:
            self.misses = _MOST_MISSES

    def forget(self) -> None:
        """A program was asked for something else; perhaps each one is."""
        self.misses += 1
        self.calls, self.foreseen = [], b""

    def statement(self, error: BaseException) -> str:
        """Source of the test statement at which the exception passed through, innermost first."""
        import traceback  # only now: it costs a judge 0.2 MB

        numbers = [
            frame.lineno or 0
            for frame in traceback.extract_tb(error.__traceback__, limit=200)
            if frame.filename == TESTS
        ]
        if not numbers:
            return ""
        first = last = numbers[-1]
        for start, end in self.spans:
            if start <= first <= end:
                first, last = start, end
                break
        lines = self.tests.splitlines()[first - 1 : last]
        text = "\n".join(map(str.strip, lines))
        return text[:_MOST_LINE]


def shown(value: Any) -> str:
    """A bounded repr of a plain value; it calls nothing of the candidate."""
    try:
        return _ADDRESS.sub("", _short.repr(value))
    except (ValueError, RecursionError):  # an integer of more than 4300 digits
        return f"<{type(value).__name__} too large to show>"


def call_text(call: tuple[str, Any, Any]) -> str:
    """A call as it would be written."""
    name, args, kwargs = call
    parts = [shown(value) for value in args]
    parts += [f"{key}={shown(value)}" for key, value in kwargs.items()]
    return f"{name}({', '.join(parts)})"[:_MOST_LINE]


def frames_of(report: dict[str, Any]) -> list[tuple[int, str]]:
    """Line numbers and function names of the candidate, as far as the claim is well formed."""
    frames = report.get("tb")
    if type(frames) is not list:
        return []
    return [
        (frame[0], frame[1][:100])
        for frame in frames
        if type(frame) is list and list(map(type, frame)) == [int, str]
    ]


def trace_text(report: dict[str, Any], source: str) -> str:
    """The candidate's own end of a traceback, from what the worker claims about it."""
    lines = source.splitlines()
    text = ["Traceback (most recent call last):"]
    for number, name in frames_of(report):
        text.append(f'  File "<candidate>", line {number}, in {name}')
        if 0 < number <= len(lines):
            text.append("    " + lines[number - 1].strip()[:200])
    text.append(raised_text(report))
    return "\n".join(text)


def raised_text(report: dict[str, Any]) -> str:
    """`ValueError: message`, as claimed by the worker."""
    name, message = report.get("n"), report.get("m")
    name = name[:100] if type(name) is str else "Exception"
    return f"{name}: {message}" if type(message) is str and message else name
