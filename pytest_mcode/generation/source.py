"""Questions about Python source that is never run: does it parse, what does it define and need."""

from __future__ import annotations

import ast
import builtins
import functools
import re
import textwrap
from collections.abc import Iterator

from pytest_mcode.core import parsing

PARSE_CHARS = 64_000
"""Source longer than this is not parsed: an answer of megabytes is a runaway, not a program."""

_CUTS = 12
"""Most trials to find source that parses: each drops at least one line from the end."""

_BODY_CHARS = 8_000
"""Longest text that is tried as the inside of a function."""

_ESCAPE = re.compile(r"\\N\{[\w -]*\}|\\[^\r\n{}]|\\(?=[{}])")
"""A brace behind a backslash is no part of it: it may begin or end a field of an f-string."""
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_BLOCKS = (ast.If, ast.Try, ast.With)
_BUILTINS = frozenset(dir(builtins))


def parse(code: str) -> ast.Module | None:
    """The syntax tree of `code`, or None when it is no Python or too long to try. Never raises.

    The tree may be shared: whoever changes it makes a copy.
    """
    return _parse(code)[0]


@functools.lru_cache(maxsize=32)  # the questions about one answer ask for the same trees
def _parse(code: str) -> tuple[ast.Module | None, int]:
    """The tree, else None and the line (from 1) that stopped the parser, 0 when it is unknown."""
    if len(code) > PARSE_CHARS:
        return None, 0
    # Escapes are blanked: an invalid one ("\d") makes the parser warn, and silencing a warning is
    # not safe while another thread runs tests. No answer given here depends on their meaning.
    plain = _ESCAPE.sub(lambda escape: "x" * len(escape[0]), code)
    try:
        return parsing.tree(plain), 0
    except SyntaxError as error:
        return None, error.lineno or 0
    except (ValueError, RecursionError, MemoryError):
        return None, 0


def defined(tree: ast.Module) -> set[str]:
    """Names bound at top level by definitions, imports and assignments, also under if/try/with."""
    names: set[str] = set()
    for node in _statements(tree.body):
        if isinstance(node, _DEFINITIONS):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names.update((a.asname or a.name).partition(".")[0] for a in node.names)
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            names.update(
                n.id
                for n in ast.walk(node)
                if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
            )
    return names


def binds(node: ast.stmt) -> bool:
    """Whether a statement at top level defines, imports or assigns, also under if/try/with."""
    return isinstance(node, ast.Assign | ast.AugAssign) or bool(defined(ast.Module([node], [])))


def lines(node: ast.stmt) -> range:
    """Numbers, from 1, of the lines on which a statement stands, with its decorators."""
    first = min(n.lineno for n in (node, *getattr(node, "decorator_list", ())))
    return range(first, (node.end_lineno or node.lineno) + 1)


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    todo = list(body)
    while todo:
        node = todo.pop()
        yield node
        if isinstance(node, _BLOCKS):
            todo += node.body
            todo += getattr(node, "orelse", [])
            todo += [s for h in getattr(node, "handlers", []) for s in h.body]


def defines(code: str, name: str) -> bool:
    """True if `code` binds `name` at top level; source that does not parse is searched by line."""
    if name not in code:
        return False
    tree = parse(code)
    if tree is not None:
        return name in defined(tree)
    return begins(code, name) is not None


def begins(code: str, name: str) -> int | None:
    """Offset of the first line that starts the definition of `name` at the left margin."""
    pattern = rf"^(?:(?:async[ \t]+)?def|class)[ \t]+{re.escape(name)}\b|^{re.escape(name)}[ \t]*="
    found = re.search(pattern, code, re.MULTILINE)
    return found.start() if found else None


def needed(tree: ast.Module) -> set[str]:
    """Names that the source reads and neither defines at top level nor finds among the builtins."""
    read = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    return read - defined(tree) - _BUILTINS


def has_program(tree: ast.Module) -> bool:
    """True for source that says something: a definition, import, assignment or bare return."""
    return bool(defined(tree)) or is_body(tree)


def is_body(tree: ast.Module) -> bool:
    """True if a `return` or `yield` stands outside every function: the inside of a function."""
    todo: list[ast.AST] = list(tree.body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Return | ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(node, (*_DEFINITIONS, ast.Lambda)):
            todo += ast.iter_child_nodes(node)
    return False


def is_placeholder(tree: ast.Module, name: str) -> bool:
    """True if `name` is a function that only holds a docstring, `...` or NotImplementedError, or
    is imported: an example of its use comes from a file that is not there."""
    last = next(
        (n for n in reversed(tree.body) if isinstance(n, _FUNCTIONS) and n.name == name), None
    )
    if last is None:
        own = [node for node in tree.body if not isinstance(node, ast.Import | ast.ImportFrom)]
        return name not in defined(ast.Module(own, []))
    return all(_says_nothing(s) for s in last.body)


def _says_nothing(node: ast.stmt) -> bool:
    if isinstance(node, ast.Raise):
        return any(
            isinstance(n, ast.Name) and n.id == "NotImplementedError" for n in ast.walk(node)
        )
    return isinstance(node, ast.Pass) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )


def unindented(code: str, name: str) -> str:
    """`code` without the indentation of all its lines, where that lays bare the function `name`."""
    if code.lstrip("\n")[:1] not in (" ", "\t"):
        return code
    flat = textwrap.dedent(code)
    tree = parse(flat)
    if tree is None or is_body(tree):
        return code
    bare = any(isinstance(n, _DEFINITIONS) and n.name == name for n in tree.body)
    return flat if bare else code


def parsing_prefix(code: str) -> str:
    """The longest run of whole top-level statements from the start that parses; may be empty."""
    if len(code) > PARSE_CHARS:
        return ""
    lines = code.split("\n")
    for _ in range(_CUTS):
        tree, stopped = _parse("\n".join(lines))
        if tree is not None:
            return "\n".join(lines)
        end = min(stopped or len(lines), len(lines)) - 1
        while end > 0 and (not lines[end].strip() or lines[end][0] in " \t)]}"):
            end -= 1
        del lines[max(end, 0) :]
    return ""


def completed(stub: str, body: str, cuts: int = 0) -> str:
    """`stub` followed by `body`, indented where a chat model has lost the indentation.

    Tried in this order: as it is, with the first line indented (its blanks were stripped), with
    every line indented anew. The first that parses wins, else "". Up to `cuts` times the body may
    lose its end from the line on that stops the parser: prose that follows without a fence.
    """
    body = body.strip("\n")
    if not stub.strip() or not body.strip() or len(body) > _BODY_CHARS:
        return ""
    stub = stub if stub.endswith("\n") else stub + "\n"
    margin = "    "
    flat = textwrap.dedent(body) if body[0] in " \t" else body
    all_in = "\n".join(margin + line if line.strip() else line for line in flat.split("\n"))
    for candidate in (body, margin + body.lstrip(), all_in):
        if candidate[0] in " \t" and (code := _cut_to_parse(stub, candidate, cuts)):
            return code
    return ""


def _cut_to_parse(stub: str, body: str, cuts: int) -> str:
    before, lines = stub.count("\n"), body.split("\n")
    for _ in range(cuts + 1):
        code = stub + "\n".join(lines)
        tree, stopped = _parse(code)
        if tree is not None:
            return code
        if stopped - 1 <= before:
            return ""
        del lines[stopped - 1 - before :]
    return ""
