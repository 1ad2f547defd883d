"""What test code promises: how many assertions it makes and which names it takes from outside."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator

BUILTINS = frozenset(dir(builtins))


def count_checks(tree: ast.Module) -> int:
    """How many distinct assertions must at least have held for a pass.

    The judge of the sandboxes counts the places in the source that held, each once however often a
    loop comes by: every `assert` whose test is no constant (`assert True` in HumanEval proves
    nothing), conditional or not. This is the floor for that count: the same statements, without
    those that an `if`, `while`, `match`, `except` or `else` may skip on a correct run. Where all
    are conditional, one of them is required; 0 means that the code asserts nothing at all.
    """
    certain = sum(1 for _ in _certain(tree.body))
    return certain or int(any(_telling(node) for node in ast.walk(tree)))


def _certain(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        if _telling(node):
            yield node
        elif isinstance(
            node, ast.FunctionDef | ast.AsyncFunctionDef | ast.For | ast.AsyncFor | ast.With
        ):
            yield from _certain(node.body)
        elif isinstance(node, ast.Try):
            yield from _certain([*node.body, *node.finalbody])


def _telling(node: ast.AST) -> bool:
    return isinstance(node, ast.Assert) and not isinstance(node.test, ast.Constant)


def free_names(tree: ast.Module) -> list[str]:
    """Names that the code reads and never binds, in order of appearance; builtins included."""
    read: dict[str, None] = {}
    bound: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Load):
                read[node.id] = None
            else:
                bound.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.alias):
            bound.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, ast.ExceptHandler) and node.name:
            bound.add(node.name)
    return [name for name in read if name not in bound]


def called_names(tree: ast.Module) -> list[str]:
    """Names that are called, outermost call first."""
    calls = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    return [func.id for func in calls if isinstance(func, ast.Name)]
